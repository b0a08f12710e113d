"""The dataset described in Croissant (JSON-LD of MLCommons): where its files are, what their columns mean."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

__all__ = ["croissant_json"]

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "arrayShape": "cr:arrayShape",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"f": "sc:Float", "i": "sc:Integer", "u": "sc:Integer"}
_MIME = {"tfrecord": "application/x-tfrecord", "array_record": "application/octet-stream"}


def croissant_json(info, files: Mapping[str, str], date: str | None = None) -> str:
    """The text of `croissant.json`.

    Args:
        info: `tfds.core.DatasetInfo` of the prepared dataset.
        files: file name -> SHA-256, of every shard.
        date: ISO date of publication; default today.
    """
    import datetime

    facts = info.metadata
    suffix = info.file_format.value
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": info.full_name.replace("/", "-"),
        "description": " ".join([info.description.strip(), info.config_description or ""]).strip(),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": "https://creativecommons.org/publicdomain/zero/1.0/"
        if facts["license"].startswith("CC0")
        else facts["license"],
        "url": "https://github.com/skazoo/skazoo",
        "version": str(info.version),
        "datePublished": date or datetime.date.today().isoformat(),
        "citeAs": facts.get("citation") or "The skazoo developers: skazoo, https://github.com/skazoo/skazoo",
        "creator": {"@type": "sc:Organization", "name": "The skazoo developers"},
        "keywords": ["astronomy", "HI", "SKA", "hydrodynamical simulations"],
        "rai:dataCollection": "Simulated: particles of a simulation projected to maps, and a mock observation of them.",
        "rai:dataBiases": "Galaxies are selected by mass; the physics is that of one simulation's subgrid model.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "encodingFormat": _MIME[suffix],
                "sha256": sha256,
            }
            for name, sha256 in sorted(files.items())
        ]
        + [
            {
                "@type": "cr:FileSet",
                "@id": "shards",
                "name": "shards",
                "containedIn": [{"@id": name} for name in sorted(files)],
                "encodingFormat": _MIME[suffix],
                "includes": f"ska_tng-*.{suffix}-*",
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "examples",
                "name": "examples",
                "description": "One view of one galaxy.",
                "key": {"@id": "examples/id"},
                "field": [_field(name, feature, facts["units"].get(name)) for name, feature in info.features.items()],
            }
        ],
    }
    return json.dumps(described, indent=1)


def _field(name: str, feature, unit: str | None) -> dict:
    kind = np.dtype(feature.np_dtype).kind
    doc = getattr(feature, "doc", None)
    words = (doc.desc or "") if doc is not None else ""
    if unit and "Unit:" not in words:
        words = f"{words} Unit: {unit}.".strip()
    field = {
        "@type": "cr:Field",
        "@id": f"examples/{name}",
        "name": name,
        "description": words or name,
        "dataType": _TYPES.get(kind, "sc:Text"),
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": name}},
    }
    if len(feature.shape) > 0:
        field |= {"isArray": True, "arrayShape": ",".join(map(str, feature.shape))}
    return field
