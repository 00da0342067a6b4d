"""Single-cell data: AnnData in, AnnData out. Its names are offered by `priorlift.cells`."""
