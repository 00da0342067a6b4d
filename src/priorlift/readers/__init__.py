"""From files to tables: CSV and Parquet, each answered with a pyarrow table or a clear error.

The readers are found through the registry (`priorlift.readers`), so this page imports none of them.
"""
