"""Train a token transformer: python -m skazoo.zoo.token_transformer.train RECIPE.json OUT

Every number comes from the recipe. A run that was killed goes on after its last epoch when started again;
`skazoo train` does the same, with options. OUT.training/ holds the logs and the state.
"""

from __future__ import annotations

import sys

from skazoo.mappers import TokenTransformer
from skazoo.training import Run, on_devices, read_recipe


def train(recipe: dict, out: str, verbose: int | str = 2) -> TokenTransformer:
    """Fit the mapper of `recipe` and write it to the folder `out` as a preset."""
    with on_devices(recipe["devices"], recipe["batch_size"]):
        run = Run(recipe, out, paired=TokenTransformer.paired)
        mapper = TokenTransformer(
            source=recipe["source"],
            target=recipe["target"],
            image_size=recipe["image_size"],
            seed=recipe["seed"],
            dtype=recipe["dtype"],
            **recipe["mapper"],
        )
        run.start(mapper)
        mapper.compile(run.optimizer(mapper), average=recipe["average"], jit_compile=recipe["jit_compile"])
        mapper.fit(
            run.training,
            validation_data=run.validation,
            steps_per_epoch=run.steps_per_epoch,
            epochs=run.epochs,
            callbacks=run.callbacks(),
            verbose=verbose,
        )
        run.publish(mapper)
    return mapper


if __name__ == "__main__":
    train(read_recipe(sys.argv[1]), sys.argv[2])
