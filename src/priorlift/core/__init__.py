"""The ground floor: errors, the registry, seeds, arrays and persistence. It imports no other part of priorlift."""
