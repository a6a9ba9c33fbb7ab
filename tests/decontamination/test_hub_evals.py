"""The shipped list of sets on the Hugging Face Hub reads what the datasets there have; no network is needed."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from pile_builder.decontamination.evals import load_eval_list, load_items
from pile_builder.decontamination.items import EvalItem

LIST = Path(__file__).parents[2] / "manifests" / "evals" / "huggingface.yaml"
_CHOICES = {"text": ["a nest of mud", "a nest of reed"], "label": ["A", "B"]}
PUBLISHED: dict[str, tuple[list[dict[str, Any]], str, str, str]] = {
    "gsm8k": ([{"question": "How many herons?", "answer": "Two. #### 2"}], "How many herons?", "Two. #### 2", "test:0"),
    "humaneval": (
        [{"task_id": "H/0", "prompt": "def f():", "canonical_solution": "  return 1", "test": "t", "entry_point": "f"}],
        "def f():", "  return 1", "H/0",
    ),
    "mbpp": (
        [{"task_id": 11, "text": "Write it.", "code": "x = 1", "test_list": ["t"], "test_setup_code": ""}],
        "Write it.", "x = 1", "11",
    ),
    "lambada": ([{"text": "He sat by the mill."}], "He sat by the mill.", "", "test:0"),
    "truthfulqa": (
        [{"type": "t", "question": "Do mills fly?", "best_answer": "No.", "correct_answers": ["No."], "source": "s"}],
        "Do mills fly?", "No.", "validation:0",
    ),
    "piqa": (
        [{"goal": "Cross the lake", "sol1": "row", "sol2": "walk", "label": 0}],
        "Cross the lake\nrow", "", "validation:0",
    ),
    "mmlu": (
        [{"question": "Which flies?", "subject": "birds", "choices": ["mill", "gull", "mud", "pier"], "answer": 1}],
        "Which flies?", "gull", "test:0",
    ),
    "hellaswag": (
        [{"ind": 1, "ctx_a": "A man", "ctx_b": "rows", "ctx": "A man rows", "endings": ["up", "home"], "label": "1"}],
        "A man rows", "home", "validation:0",
    ),
    "arc_easy": (
        [{"id": "M_1", "question": "What do they build?", "choices": _CHOICES, "answerKey": "B"}],
        "What do they build?", "a nest of reed", "M_1",
    ),
    "arc_challenge": (
        [{"id": "M_2", "question": "What was it?", "choices": {**_CHOICES, "label": ["1", "2"]}, "answerKey": "1"}],
        "What was it?", "a nest of mud", "M_2",
    ),
    "winogrande": (
        [{"sentence": "The _ stood.", "option1": "mill", "option2": "pier", "answer": "2"}],
        "The _ stood.", "pier", "validation:0",
    ),
    "boolq": (
        [{"question": "is a mill a bird", "passage": "Mills grind.", "idx": 0, "label": 0}],
        "is a mill a bird", "", "validation:0",
    ),
    "openbookqa": (
        [{"id": "7-1", "question_stem": "Birds build", "choices": _CHOICES, "answerKey": "A"}],
        "Birds build", "a nest of mud", "7-1",
    ),
    "triviaqa": (
        [{"question": "Who?", "question_id": "tc_1", "answer": {"aliases": ["Mo"], "value": "Moe", "type": "x"}}] * 2,
        "Who?", "Moe", "validation:0",
    ),
}  # fmt: skip
"""Rows as the datasets on the Hub have them, with the question, the answer and the id of the first."""


@pytest.mark.parametrize("name", [each.name for each in load_eval_list(LIST)])
def test_a_set_loads_from_a_folder_with_its_schema(tmp_path: Path, name: str):
    (eval_set,) = (each for each in load_eval_list(LIST) if each.name == name)
    rows, question, answer, key = PUBLISHED[name]
    splits = eval_set.splits or ("test",)
    files = [{"split": split, "path": f"{split}.parquet"} for split in splits]
    card = {"configs": [{"config_name": eval_set.config or "default", "data_files": files}]}
    (tmp_path / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
    for split in splits:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / f"{split}.parquet")
    found = list(load_items(eval_set.model_copy(update={"dataset": str(tmp_path)}), ""))
    assert len(found) == len(rows) * len(splits)
    assert found[0] == EvalItem(name, key, question, answer)
