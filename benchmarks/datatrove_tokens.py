"""Token shards by datatrove: jsonl.zst to Megatron's .bin and .idx. Run by the interpreter that has datatrove.

python datatrove_tokens.py INPUT TOKENIZER OUT
"""

from __future__ import annotations

import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.tokens import MegatronDocumentTokenizer


def main() -> None:
    """One task, one worker."""
    folder, tokenizer, out = sys.argv[1:]
    steps = [
        JsonlReader(folder, glob_pattern="*.jsonl.zst"),
        MegatronDocumentTokenizer(
            output_folder=out, tokenizer_name_or_path=tokenizer, save_filename="corpus", eos_token="<|endoftext|>"
        ),
    ]
    LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=f"{out}/logs").run()


if __name__ == "__main__":
    main()
