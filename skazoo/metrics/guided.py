"""A mapper of SKA images whose samples come from its prior and the telescope's equation, for `evaluate`."""

from __future__ import annotations

import numpy as np

from ..errors import ParameterError

__all__ = ["Guided"]


class Guided:
    """`Diffusion` of ska -> hi (or brightness temperature) that forgets its source and is guided by it instead.

    Every datum then counts once; see `TelescopeGuidance`. What is learned is only what galaxies look like, and another
    telescope needs no training.

    Args:
        mapper: trained with `source_dropout`, of one source, "ska", and one target.
        view: of the dataset's configuration (`builder.builder_config.view`).
        maps: (n, H, W) maps of the target, physical units, whose spectrum tells how far pixels go together.
        guidance: of `guidance_for`, such as passes and iterations.

    Raises:
        ParameterError: a mapper that was not trained with source_dropout, or of other fields.
    """

    likelihood = None

    def __init__(self, mapper, view, maps, **guidance):
        from ..mappers.telescope_guidance import map_power

        if mapper.source != ("ska",) or len(mapper.target) != 1 or not getattr(mapper, "source_dropout", 0):
            raise ParameterError(
                "telescope guidance needs a mapper from ska to one field that was trained with source_dropout, "
                f"not this {type(mapper).__name__} from {', '.join(mapper.source)}."
            )
        self.mapper, self.view, self.guidance = mapper, view, guidance
        self.source, self.target = mapper.source, mapper.target
        self.power = map_power(mapper.encode(np.asarray(maps, np.float32)[..., None], "target")[..., 0])

    def sample_examples(self, examples, num_samples: int = 8, seed: int = 0) -> np.ndarray:
        """Samples (num_samples, B, H, W, 1) of example dicts with ska, noise_rms and redshift, in physical units.

        The same batch gives the same samples; in another batch an example's noise is another.
        """
        from ..mappers.telescope_guidance import guidance_for

        redshifts = np.array([float(one["redshift"]) for one in examples])
        drawn = np.empty((num_samples, len(examples), *np.shape(examples[0]["ska"]), 1), np.float32)
        for redshift in np.unique(redshifts):
            members = np.flatnonzero(redshifts == redshift)
            batch = {
                key: np.stack([np.asarray(examples[i][key]) for i in members])
                for key in ("ska", "noise_rms", "redshift")
            }
            guide = guidance_for(self.view, batch, self.target[0], power=self.power, **self.guidance)
            own = int(np.random.SeedSequence((seed, int(examples[members[0]].get("galaxy", 0)))).generate_state(1)[0])
            source = batch["ska"].astype(np.float32)[..., None]
            drawn[:, members] = self.mapper.sample(source, num_samples, seed=own >> 1, guide=guide, guidance=0.0)
        return drawn
