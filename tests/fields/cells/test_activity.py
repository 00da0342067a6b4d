"""Gene activity is the sum of the peaks of a gene, by links or by windows."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from priorlift.cells import gene_activity
from priorlift.core.errors import InputError
from priorlift.fields.cells.activity import windows
from priorlift.readers.genome import Places, parse_places, read_bed, read_gtf

GTF = (
    "#!genome\n"
    'chr1\tx\tgene\t5001\t6000\t.\t+\t.\tgene_id "E1"; gene_name "Sst";\n'
    'chr1\tx\texon\t1\t9\t.\t+\t.\tgene_id "E1"; gene_name "Sst";\n'
    'chr2\tx\tgene\t101\t200\t.\t-\t.\tgene_id "E2";\n'
)


def random_places(random, n, chromosomes=("a", "b")):
    start = random.integers(0, 500, n)
    return Places(
        tuple(f"p{i}" for i in range(n)),
        random.choice(chromosomes, n),
        start,
        start + random.integers(1, 60, n),
        random.random(n) < 0.5,
    )


def test_windows_agree_with_all_pairs_tried_one_by_one():
    random = np.random.default_rng(0)
    peaks, genes = random_places(random, 80), random_places(random, 30, ("a", "b", "c"))
    product, _ = windows(peaks, genes, 40)
    for g in range(30):
        low = genes.start[g] - (40 if genes.forward[g] else 0)
        high = genes.end[g] + (0 if genes.forward[g] else 40)
        for p in range(80):
            overlap = min(high, peaks.end[p]) - max(low, peaks.start[p]) > 0
            assert product[p, g] == (overlap and peaks.chromosome[p] == genes.chromosome[g])


@pytest.mark.parametrize("zipped", [False, True])
def test_promoter_and_body_by_the_strand(tmp_path, zipped):
    path = tmp_path / ("g.gtf.gz" if zipped else "g.gtf")
    path.write_bytes(gzip.compress(GTF.encode()) if zipped else GTF.encode())
    genes = read_gtf(path)
    assert genes.names == ("Sst", "E2")
    assert (genes.start[0], genes.end[0]) == (5000, 6000)
    inside = ["chr1:2999-3001", "chr1_5999_6100", "chr2-2199-2300"]
    outside = ["chr1:2900-3000", "chr1:6000-6100", "chr2:2200-2300"]
    peaks = anndata.AnnData(sp.csr_matrix(np.arange(1.0, 7.0, dtype=np.float32)[None]))
    peaks.var_names = inside + outside
    found = gene_activity(peaks, gtf=path)
    assert found.to_df().to_dict("records") == [{"Sst": 3.0, "E2": 3.0}]
    named = peaks.copy()
    named.var_names = [f"peak{i}" for i in range(6)]
    places = parse_places(peaks.var_names)
    lines = zip(places.chromosome, places.start, places.end, strict=True)
    (tmp_path / "p.bed").write_text("".join(f"{c}\t{a}\t{b}\n" for c, a, b in lines))
    assert (gene_activity(named, gtf=path, bed=tmp_path / "p.bed").X != found.X).nnz == 0
    with pytest.raises(InputError, match="'peak0' names no place"):
        gene_activity(named, gtf=path)
    (tmp_path / "short.bed").write_text("chr1\t1\t2\n")
    with pytest.raises(InputError, match="has 1 lines for 6 peaks"):
        gene_activity(named, gtf=path, bed=tmp_path / "short.bed")


def test_links_are_a_sparse_product():
    random = np.random.default_rng(1)
    peaks = anndata.AnnData(sp.csr_matrix(random.poisson(0.5, (9, 6)).astype(np.float32)))
    table = anndata.AnnData(sp.csr_matrix((random.random((6, 4)) < 0.5).astype(np.float32)))
    table.var_names = list("wxyz")
    found = gene_activity(peaks, links=table)
    expected = pd.DataFrame(peaks.X.toarray() @ table.X.toarray(), columns=list("wxyz"))
    assert np.allclose(found.to_df(), expected[list(found.var_names)])
    entries = table.X.tocoo()
    frame = pd.DataFrame(
        {
            "peak": peaks.var_names[entries.row],
            "gene": table.var_names[entries.col],
            "weight": entries.data,
        }
    )
    by_frame = gene_activity(peaks, links=frame)
    assert np.allclose(by_frame.to_df()[list(found.var_names)], found.to_df())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "exactly one of links and gtf"),
        ({"links": pd.DataFrame({"peak": ["chr1:1-2"]})}, "links: has no column 'gene'"),
        ({"links": pd.DataFrame({"peak": ["?"], "gene": ["a"]})}, "no peak belongs to any gene"),
    ],
)
def test_what_links_no_peak_is_refused(options, said):
    peaks = anndata.AnnData(np.ones((1, 1), dtype=np.float32))
    peaks.var_names = ["chr1:1-2"]
    with pytest.raises(InputError, match=said):
        gene_activity(peaks, **options)


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (read_bed, "chr1 1 2\n", r"f, line 1: is no line of chromosome, start and end"),
        (read_gtf, "a\tb\n", r"f, line 1: is no line of a GTF file"),
        (read_gtf, GTF.replace("\tgene\t", "\tlocus\t"), "names no place"),
    ],
)
def test_damaged_files_name_the_line(tmp_path, read, text, said):
    (tmp_path / "f").write_text(text)
    with pytest.raises(InputError, match=said):
        read(tmp_path / "f")
