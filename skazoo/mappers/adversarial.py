"""Losses of adversarial training, as functions of logits: what the two players minimise.

The joint loss of a mapper is the sum of both, each kept from the other's weights: the generator's term calls the
discriminator frozen, the discriminator's term sees the generator's maps behind `stop_gradient`. The gradient of the
sum is then, for each player, exactly that of its own loss, and one `fit` trains both.

r and f are the logits of true and generated maps, D = sigmoid(logit), all float32.
"""

from __future__ import annotations

import keras
from keras import ops

from .backend import frozen, gradient

__all__ = ["LOSSES", "PENALTIES", "duel", "gradient_penalty", "slope"]


def _minimax(r, f):
    """Goodfellow et al. 2014 (arXiv:1406.2661): min over G, max over D of E[log D(x)] + E[log(1 - D(G(z)))].

    The slide has E[1 - log D(G(z))] as the second term, a misprint: that would have D call everything true.
    """
    return -ops.softplus(f), ops.softplus(-r) + ops.softplus(f)


def _non_saturating(r, f):
    """The same discriminator; the generator maximises log D(G(z)), whose gradient does not vanish when it loses."""
    return ops.softplus(-f), ops.softplus(-r) + ops.softplus(f)


def _least_squares(r, f):
    """LSGAN (arXiv:1611.04076) with targets 1 for true and 0 for generated."""
    return ops.square(f - 1.0), ops.square(r - 1.0) + ops.square(f)


def _hinge(r, f):
    """Geometric GAN (arXiv:1705.02894)."""
    return -f, ops.relu(1.0 - r) + ops.relu(1.0 + f)


def _wasserstein(r, f):
    """WGAN (arXiv:1701.07875), to be used with the penalty of WGAN-GP (arXiv:1704.00028)."""
    return -f, f - r


def _relativistic(r, f):
    """RpGAN (arXiv:1807.00734): a true map should look truer than a generated one; with R1 and R2 it converges
    locally (R3GAN, arXiv:2501.05441)."""
    return ops.softplus(r - f), ops.softplus(f - r)


# name: function of logits (r, f), any equal shapes -> (generator's loss, discriminator's loss) of that shape
LOSSES = {
    "hinge": _hinge,
    "lsgan": _least_squares,
    "minimax": _minimax,
    "non_saturating": _non_saturating,
    "relativistic": _relativistic,
    "wgan_gp": _wasserstein,
}
PENALTIES = {"relativistic": 1.0, "wgan_gp": 10.0}  # default weights; 0 for the others


def slope(discriminator, maps):
    """(|dD/dmaps|^2 of each image (B,), logits (B, h, w, 1)), twice differentiable, float32.

    For several logits an image, the squared norm of the gradient of their sum over their number: the mean over the
    patches, as far as they do not overlap.

    Args:
        discriminator: function maps (B, H, W, C) -> logits (B, h, w, 1).
    """

    def total(maps):
        logits = discriminator(maps)
        return logits, logits

    slopes, logits = gradient(total, maps)
    patches = logits.shape[1] * logits.shape[2] if None not in logits.shape[1:3] else ops.prod(ops.shape(logits)[1:3])
    return ops.sum(ops.square(slopes), axis=(1, 2, 3)) / ops.cast(patches, "float32"), logits


def gradient_penalty(discriminator, true, made, seed):
    """WGAN-GP (arXiv:1704.00028): (|gradient| - 1)^2 of each image (B,) at random points between true and made."""
    share = keras.random.uniform((ops.shape(true)[0], 1, 1, 1), seed=seed)
    squared, _ = slope(discriminator, made + share * (true - made))
    return ops.square(ops.sqrt(squared + 1e-12) - 1.0)


def duel(network, true, made, shown, condition=(), *, loss, penalty, seed):
    """(generator's, discriminator's) loss of each image (B,); each has gradients for its own player only.

    Args:
        network: the discriminator, called with `condition` and the maps.
        true, made: (B, H, W, C); `made` with the gradient of its generator.
        shown: generated maps for the discriminator's term: `made`, or older ones from a `ReplayBuffer`.
        condition: maps that stand before the judged ones in the inputs.
        loss: name in `LOSSES`; penalty: weight of WGAN-GP's penalty for "wgan_gp", and for all others of
            R1 + R2 = (|dD/dtrue|^2 + |dD/dshown|^2) / 2 (arXiv:1801.04406); 0 leaves it out.
        seed: of the penalty of WGAN-GP.
    """
    condition = [ops.stop_gradient(maps) for maps in condition]
    true, shown = ops.stop_gradient(true), ops.stop_gradient(shown)

    def judge(maps):
        return network([*condition, maps] if condition else maps)

    extra = 0.0
    if penalty and loss != "wgan_gp":
        (at_true, r), (at_shown, f) = slope(judge, true), slope(judge, shown)
        extra = 0.5 * penalty * (at_true + at_shown)
    else:
        r, f = judge(true), judge(shown)
        if penalty:
            extra = penalty * gradient_penalty(judge, true, shown, seed)
    with frozen(network):
        opposed = judge(made)
    generator = _mean(LOSSES[loss](ops.stop_gradient(r), opposed)[0])
    return generator, _mean(LOSSES[loss](r, f)[1]) + extra


def _mean(logits):
    """Over the patches of each image: (B, h, w, 1) -> (B,)."""
    return ops.mean(logits, axis=(1, 2, 3))
