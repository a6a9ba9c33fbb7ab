"""Judging main-content extractors on one page: where it comes from, what each keeps and loses, how that is shown."""
