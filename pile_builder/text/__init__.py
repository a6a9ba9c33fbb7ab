"""Text kernels: numba functions over UTF-8 columns. No Beam, no I/O."""
