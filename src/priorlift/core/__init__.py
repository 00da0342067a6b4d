"""The ground floor: errors, registry, seeds, arrays, persistence. It imports no other part."""
