"""The sources that the cases of this package go to, each with a good file that has to come through beside them."""

import gzip
import tarfile

from tests.hostile.cases import Reader
from tests.hostile.made import STORY, arxiv_tar, html_response, paper, tar_of

READERS = {
    "common_crawl": Reader(
        {"good.warc": lambda: b"".join(html_response(STORY * 2, f"http://good.example/{n}") for n in range(3))},
        {"options": {"extractor": "trafilatura"}},
    ),
    "arxiv": Reader(
        {"good.tar": lambda: arxiv_tar({"2401.00001.gz": gzip.compress(paper(STORY))})}, {"inputs": ["*.tar"]}
    ),
    "github": Reader(
        {"good.tar.gz": lambda: gzip.compress(tar_of({"r/good.py": b"print('a good file')\n"}, tarfile.PAX_FORMAT))}
    ),
    "books": Reader({"good.txt": lambda: (STORY * 8).encode()}),
}
