"""Train a diffusion mapper: python -m skazoo.zoo.diffusion.train zoo/diffusion/dm2hi_toy64/recipe.json --out DIR

Every number comes from the recipe. A run that was killed goes on from its last epoch when started again.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import tensorflow_datasets as tfds

import skazoo
from skazoo.mappers import Diffusion
from skazoo.training import warmup_cosine


def train(recipe: dict, out: Path, data_dir: str | None = None) -> Diffusion:
    """Fit the mapper of `recipe` and write it to `out` as a preset."""
    fields = {"source": recipe["source"], "target": recipe["target"]}
    batches = {"batch_size": recipe["batch_size"], "seed": recipe["seed"]}
    data, info = tfds.load(recipe["dataset"], data_dir=data_dir, with_info=True)
    training = skazoo.datasets.pairs(data["train"], **fields, **batches)
    validation = skazoo.datasets.pairs(data["validation"], **fields, **batches, augment=False, shuffle=False)

    mapper = Diffusion(
        **fields, **recipe["mapper"], image_size=recipe["image_size"], seed=recipe["seed"], dtype=recipe["dtype"]
    )
    mapper.compile(
        learning_rate=warmup_cosine(recipe["learning_rate"], recipe["steps"], recipe["warmup"]),
        average=recipe["average"],
    )
    steps_per_epoch = max(1, info.splits["train"].num_examples // recipe["batch_size"])
    epochs = max(1, round(recipe["steps"] / steps_per_epoch))
    work = out.with_name(out.name + ".training")
    work.mkdir(parents=True, exist_ok=True)
    started = time.time()
    history = mapper.fit(
        training,
        validation_data=validation,
        epochs=epochs,
        callbacks=[
            keras.callbacks.BackupAndRestore(work / "backup"),
            keras.callbacks.CSVLogger(work / "log.csv", append=True),
        ],
        verbose=2,
    )
    mapper.save_pretrained(
        out,
        metrics={f"final_{name}": values[-1] for name, values in history.history.items()},
        metadata={
            "dataset": f"{info.full_name}, train split of {info.splits['train'].num_examples} examples",
            "recipe": recipe,
            "hours": round((time.time() - started) / 3600, 3),
        },
    )
    return mapper


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path, help="recipe.json")
    parser.add_argument("--out", type=Path, required=True, help="folder of the preset to write")
    parser.add_argument("--data-dir", help="where tensorflow_datasets keeps the data")
    arguments = parser.parse_args()
    train(json.loads(arguments.recipe.read_text()), arguments.out, arguments.data_dir)
