"""The door for single-cell data: labels carried from annotated cells to cells without labels.

`transfer_labels` takes and annotates AnnData; `gene_activity` turns peaks into genes before that.
"""

from priorlift.fields.cells.activity import gene_activity
from priorlift.fields.cells.genes import sum_duplicate_genes
from priorlift.fields.cells.result import CellTransfer
from priorlift.fields.cells.saving import load
from priorlift.fields.cells.transferring import transfer_labels

__all__ = ["CellTransfer", "gene_activity", "load", "sum_duplicate_genes", "transfer_labels"]
