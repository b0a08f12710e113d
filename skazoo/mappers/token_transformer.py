"""Token after token: a transformer writes the code of a map, which a decoder turns into the map (arXiv:2012.09841)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..errors import ParameterError, check_choice, check_positive
from ..networks.autoencoder import map_decoder, map_encoder
from ..networks.causal_transformer import CausalTransformer, grid_positions
from ..networks.quantisers import FiniteScalarQuantiser, VectorQuantiser, codes_in_use
from ..networks.unet import unet_stride
from .backend import compiled
from .inputs import as_batch, check_size
from .mapper import Mapper

__all__ = ["TokenTransformer", "choose"]

CHUNK = 64  # images per pass of the autoencoder


@keras.saving.register_keras_serializable(package="skazoo")
class TokenTransformer(Mapper):
    """Samples p(target | source) by drawing discrete tokens one by one, each given the source and the tokens before it.

    One fit trains both stages. An autoencoder with a quantiser in its middle minimises the squared error of its maps,
    and the transformer the cross-entropy of the tokens, which it sees without gradient. The source stands before the
    tokens as a prefix of as many tokens, made by an encoder of its own, and beside each token once more.

    There is no `log_prob`: tokens have probabilities (`token_log_prob`), but no density of maps follows from them. What
    the tokens do not hold, the smallest scales first, the samples lack: judge the reconstruction metric.

    Args:
        source, target, image_size, transforms, seed, dtype: see `Mapper`.
        quantiser: "fsq" (`FiniteScalarQuantiser`) or "vq" (`VectorQuantiser`).
        levels: of "fsq": of each feature of a token; their product is the vocabulary.
        codes, latent_channels: of "vq": vocabulary, and features of a token.
        autoencoder_width, autoencoder_multipliers, autoencoder_blocks, autoencoder_stem: see
            `skazoo.networks.map_encoder`; stem and number of multipliers make the pixels per side of a token, 4 by
            default. Also of the source's encoder.
        width, layers, heads, expansion: of the transformer; see `skazoo.networks.CausalTransformer`.
        padding, dropout: of all networks.
    """

    def __init__(
        self,
        source=("dark_matter",),
        target=("hi",),
        image_size=64,
        *,
        quantiser="fsq",
        levels=(8, 5, 5, 5),
        codes=512,
        latent_channels=8,
        autoencoder_width=32,
        autoencoder_multipliers=(1, 2),
        autoencoder_blocks=1,
        autoencoder_stem=2,
        width=128,
        layers=4,
        heads=4,
        expansion=4,
        padding="zero",
        dropout=0.0,
        transforms=None,
        seed=0,
        dtype=None,
        name=None,
    ):
        super().__init__(source, target, image_size, transforms, seed, dtype, name)
        check_choice("quantiser", quantiser, ("fsq", "vq"))
        self.transformer_arguments = dict(width=width, layers=layers, heads=heads, expansion=expansion)
        for label, value in self.transformer_arguments.items():
            check_positive(label, value)
        self.kind, self.edges = quantiser, dict(padding=padding, dropout=dropout)
        self.vocabulary_arguments = dict(levels=tuple(levels), codes=int(codes), latent_channels=int(latent_channels))
        self.autoencoder_arguments = dict(
            width=autoencoder_width,
            multipliers=tuple(autoencoder_multipliers),
            blocks=autoencoder_blocks,
            stem=autoencoder_stem,
        )
        self.factor = self.stride = unet_stride(autoencoder_multipliers, autoencoder_stem)
        check_size((None, self.image_size, self.image_size, None), "image_size", self.stride)
        self.quantiser = (
            FiniteScalarQuantiser(levels) if quantiser == "fsq" else VectorQuantiser(self.codes, self.latent_channels)
        )
        maps, inside, first = len(self.target), self.quantiser.dim, 5 * self.seed
        shape = {**self.autoencoder_arguments, **self.edges, "dtype": self.dtype_policy}
        self.encoder = map_encoder(maps, inside, seed=first, **shape)
        self.decoder = map_decoder(inside, maps, seed=first + 1, **shape)
        self.source_encoder = map_encoder(len(self.source), width, seed=first + 2, name="source_encoder", **shape)
        self.transformer = CausalTransformer(
            width, layers, heads, expansion, dropout, seed=first + 3, dtype=self.dtype_policy
        )
        normal = [keras.initializers.RandomNormal(stddev=0.5, seed=first + i) for i in range(2)]
        glorot = keras.initializers.GlorotUniform(seed=first + 4)
        single = dict(dtype="float32")
        self.start = self.add_weight(shape=(width,), initializer=normal[0], name="start", **single)
        self.embedding = keras.layers.Embedding(self.quantiser.vocabulary, width, normal[1], name="tokens", **single)
        self.beside = keras.layers.Dense(width, kernel_initializer=glorot, name="beside", **single)
        self.norm = keras.layers.LayerNormalization(name="norm", **single)
        self.head = keras.layers.Dense(self.quantiser.vocabulary, kernel_initializer="zeros", name="head", **single)
        self.embedding.build()
        for layer in (self.beside, self.norm, self.head):
            layer.build((None, None, width))
        self.reconstruction = keras.metrics.Mean(name="reconstruction")
        self.nats = keras.metrics.Mean(name="nats_a_token")
        self.used = keras.metrics.Mean(name="codes_in_use")
        self._graphs = {}
        self.built = True

    @property
    def codes(self) -> int:
        """Codes of the quantiser "vq"."""
        return self.vocabulary_arguments["codes"]

    @property
    def latent_channels(self) -> int:
        """Features of a token of the quantiser "vq"."""
        return self.vocabulary_arguments["latent_channels"]

    # ------------------------------------------------------------------ training

    def network_loss(self, target, source, training):
        """Squared error (and commitment) of the autoencoder plus cross-entropy, which do not reach each other."""
        features = ops.cast(self.encoder(target, training=training), "float32")
        vectors, numbers, penalty = self.quantiser(features, training=training)
        error = ops.mean(ops.square(ops.cast(self.decoder(vectors, training=training), "float32") - target), (1, 2, 3))
        self.reconstruction.update_state(error)
        self.used.update_state(codes_in_use(numbers, self.quantiser.vocabulary))
        nats = -ops.mean(self._log_probs(_row_by_row(ops.stop_gradient(numbers)), source, training), axis=1)
        self.nats.update_state(nats)
        return error + ops.mean(penalty * ops.ones_like(features[..., 0]), axis=(1, 2)) + nats

    # ------------------------------------------------------------------ tokens

    def to_tokens(self, target) -> np.ndarray:
        """The tokens (B, h, w), whole numbers, of maps in physical units, in any form that `sample` takes."""
        target = self.encode(as_batch(target, self.target, "target", self.stride), "target")
        with self.averaged_weights():
            graph = self._graph("numbers", self._numbers, target)
            return _in_chunks(graph, target)

    def from_tokens(self, tokens) -> np.ndarray:
        """The maps (B, H, W, T) in physical units of tokens (B, h, w)."""
        tokens = self._checked(tokens)
        with self.averaged_weights():
            maps = _in_chunks(self._graph("maps", self._maps, tokens), tokens)
        return ops.convert_to_numpy(self.target_transform.inverse(maps))

    def token_log_prob(self, tokens, source) -> np.ndarray:
        """ln P(tokens | source) (B,) of tokens (B, h, w), in nats; a probability, exact. Source in physical units."""
        source = self.encode(as_batch(source, self.source, "source", self.stride), "source")
        expected = (len(source), *(side // self.factor for side in source.shape[1:3]))
        tokens = self._checked(tokens)
        if tokens.shape != expected:
            raise ParameterError(f"tokens of these sources have the shape {expected}, not {tokens.shape}.")
        tokens = tokens.reshape(len(source), -1)
        with self.averaged_weights():
            graph = self._graph("log_probs", lambda number, source: self._log_probs(number, source, False), source)
            parts = [graph(tokens[i : i + CHUNK], source[i : i + CHUNK]) for i in range(0, len(tokens), CHUNK)]
        return np.concatenate([ops.convert_to_numpy(part) for part in parts]).sum(axis=1, dtype=np.float64)

    def token_logits(self, numbers, source, training=False):
        """Logits (B, h w, vocabulary) of every token, from network-space source and tokens row by row (B, h w)."""
        conditions, places = self._conditions(source, training)
        start = ops.broadcast_to(ops.convert_to_tensor(self.start), (ops.shape(conditions)[0], 1, self.start.shape[0]))
        before = ops.concatenate([start, self.embedding(numbers[:, :-1])], axis=1)
        tokens = ops.concatenate([conditions, before + self.beside(conditions)], axis=1)
        hidden = self.transformer.full(
            tokens,
            np.concatenate([places, places]),
            np.concatenate([places, _shifted(places)]),
            prefix=len(places),
            training=training,
        )
        return self.head(self.norm(hidden[:, len(places) :]))

    # ------------------------------------------------------------------ samples

    def draw(self, source, noise, *, temperature=1.0, top_p=1.0):
        """Draw token after token with cached keys and values, then decode them.

        Args:
            temperature: divides the logits; 1 is the distribution itself, less gives likelier maps.
            top_p: draw among the likeliest tokens that make up this probability only; 1 for all. Below 1 samples look
                cleaner and are too alike.
        """
        check_positive("temperature", temperature)
        if not 0.0 < top_p <= 1.0:
            raise ParameterError(f"top_p must be above 0 and at most 1, but is {top_p}.")
        rows, columns = (side // self.factor for side in source.shape[1:3])
        uniform = noise.uniform((rows * columns,))
        function = self._sample if top_p == 1.0 else self._sample_likeliest
        graph = self._graph(function.__name__, function, source)
        return ops.convert_to_numpy(graph(source, uniform, np.float32(temperature), np.float32(top_p)))

    def _sample(self, source, uniform, temperature, top_p):
        return self._maps(self._one_by_one(source, uniform, temperature, None))

    def _sample_likeliest(self, source, uniform, temperature, top_p):
        return self._maps(self._one_by_one(source, uniform, temperature, top_p))

    def _one_by_one(self, source, uniform, temperature, top_p):
        """Tokens (B, h, w), in one loop."""
        conditions, places = self._conditions(source, False)
        length, batch = len(places), ops.shape(conditions)[0]
        _, cache = self.transformer.prefill(conditions, places, 2 * length, prefix=length)
        beside, uniform = ops.transpose(self.beside(conditions), (1, 0, 2)), ops.transpose(uniform)
        where, seen_at = ops.convert_to_tensor(places), ops.convert_to_tensor(_shifted(places))

        def body(index, carried):
            numbers, before, cache = carried
            token = before + ops.take(beside, index, axis=0)
            position, seen = ops.take(where, index, axis=0), ops.take(seen_at, index, axis=0)
            hidden, cache = self.transformer.step(token, cache, length + index, position, seen)
            number = choose(self.head(self.norm(hidden)), ops.take(uniform, index, axis=0), temperature, top_p)
            return ops.slice_update(numbers, (index, 0), number[None]), self.embedding(number), cache

        start = ops.broadcast_to(ops.convert_to_tensor(self.start), (batch, self.start.shape[0]))
        begin = (ops.zeros((length, batch), "int32"), start, cache)
        numbers, _, _ = ops.fori_loop(0, length, body, begin)
        return ops.reshape(ops.transpose(numbers), (-1, *(side // self.factor for side in source.shape[1:3])))

    # ------------------------------------------------------------------ parts

    def _checked(self, tokens) -> np.ndarray:
        """A user's tokens as (B, h, w) int32."""
        tokens, highest = np.asarray(tokens), self.quantiser.vocabulary - 1
        if tokens.ndim != 3 or not tokens.size or np.any(tokens % 1) or tokens.min() < 0 or tokens.max() > highest:
            raise ParameterError(f"tokens must be (B, h, w), whole numbers from 0 to {highest}.")
        return tokens.astype(np.int32)

    def _conditions(self, source, training):
        """A token (B, h w, width) for each patch of the source, and where they are (h w, 2)."""
        rows, columns = (side // self.factor for side in source.shape[1:3])
        features = ops.cast(self.source_encoder(source, training=training), "float32")
        return ops.reshape(features, (-1, rows * columns, features.shape[-1])), grid_positions(rows, columns)

    def _log_probs(self, numbers, source, training):
        """ln P of each token (B, h w)."""
        each = ops.log_softmax(self.token_logits(numbers, source, training), axis=-1)
        return ops.take_along_axis(each, numbers[..., None], axis=-1)[..., 0]

    def _numbers(self, target):
        return self.quantiser(ops.cast(self.encoder(target), "float32"))[1]

    def _maps(self, tokens):
        return ops.cast(self.decoder(self.quantiser.vectors(tokens)), "float32")

    def _graph(self, name, function, maps):
        """`function` compiled, for each size of maps anew: positions and masks depend on it."""
        return self._graphs.setdefault((name, *maps.shape[1:3]), compiled(function, self))

    def get_config(self):
        return {
            **super().get_config(),
            **self.transformer_arguments,
            **self.vocabulary_arguments,
            **self.edges,
            **{f"autoencoder_{name}": value for name, value in self.autoencoder_arguments.items()},
            "quantiser": self.kind,
        }


def choose(logits, uniform, temperature, top_p=None):
    """Numbers (B,) int32 drawn from logits (B, V) with `uniform` (B,) in [0, 1).

    With `top_p`, among the fewest tokens whose probabilities add up to it ("nucleus sampling", arXiv:1904.09751);
    those as likely as the last of them are in too.
    """
    probability = ops.softmax(logits / temperature, axis=-1)
    if top_p is not None:
        ranked = ops.flip(ops.sort(probability, axis=-1), axis=-1)
        before = ops.cumsum(ranked, axis=-1) - ranked
        least = ops.min(ops.where(before < top_p, ranked, 1.0), axis=-1, keepdims=True)
        probability = ops.where(probability >= least, probability, 0.0)
    share = ops.cumsum(probability, axis=-1)
    chosen = ops.sum(ops.cast(uniform[:, None] * share[:, -1:] >= share, "int32"), axis=-1)
    return ops.minimum(chosen, logits.shape[-1] - 1)


def _row_by_row(numbers):
    return ops.reshape(numbers, (-1, numbers.shape[1] * numbers.shape[2]))


def _shifted(places):
    """Where the token before each one is: what input i holds."""
    return np.concatenate([places[:1] - [[0.0, 1.0]], places[:-1]]).astype(np.float32)


def _in_chunks(graph, x) -> np.ndarray:
    return np.concatenate([ops.convert_to_numpy(graph(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)])
