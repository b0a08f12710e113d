"""Build step: put `skazoo.pth` beside the package in the wheel (see skazoo/datasets/registration.py)."""

from pathlib import Path

from setuptools.command import build_py as _build_py

_LINE = "import os; os.environ.get('SKAZOO_NO_TFDS_HOOK') or __import__('skazoo')\n"


class build_py(_build_py.build_py):
    """Adds the start-up line that lets a bare `tfds.load("ska_tng")` find the builder."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            Path(self.build_lib, "skazoo.pth").write_text(_LINE)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, str(Path(self.build_lib, "skazoo.pth"))]
