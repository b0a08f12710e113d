"""The errors that a user can cause. Every message names the culprit (file, field, parameter) and the remedy."""


class SkazooError(Exception):
    """Base of all errors below; the command line prints it as one sentence and ends with exit code 2."""


class ParameterError(SkazooError, ValueError):
    """An argument is out of range, has the wrong unit, or is not one of the known names."""


class SimulationError(SkazooError):
    """A simulation file is missing, damaged, or not what it claims to be."""


class MissingField(SimulationError):
    """The file is sound but lacks a field that was asked for."""


class ObservationError(SkazooError):
    """The telescope cannot make this observation (band, horizon, sampling, beam)."""


class DatasetError(SkazooError):
    """A prepared dataset, a batch or its metadata is not usable as asked."""


class PresetError(SkazooError):
    """A saved or published mapper is missing, damaged, or of an unknown kind."""


class OutputError(SkazooError, OSError):
    """A result cannot be written where it was asked to go."""


def check_choice(name: str, value: object, choices) -> None:
    """Raise `ParameterError` unless `value` is one of `choices`, proposing the nearest known name."""
    import difflib

    if value in choices:
        return
    near = difflib.get_close_matches(str(value), [str(c) for c in choices], n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ParameterError(f"unknown {name} {value!r}.{hint} Known: {', '.join(sorted(map(str, choices)))}.")


def check_positive(name: str, value, unit=None) -> None:
    """Raise `ParameterError` unless the number or Quantity `value` is finite, above zero and (if given) of `unit`."""
    import math

    if unit is not None and not (hasattr(value, "unit") and value.unit.is_equivalent(unit)):
        raise ParameterError(f"{name} must be a Quantity convertible to {unit}, but is {value!r}.")
    number = float(getattr(value, "value", value))
    if not (math.isfinite(number) and number > 0):
        raise ParameterError(f"{name} must be positive and finite, but is {value}.")
