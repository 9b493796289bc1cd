"""Places with files, as fsspec knows them: what pandas, polars, pyarrow, dask and DuckDB read and write by a URL."""
