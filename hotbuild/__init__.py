"""hotbuild: the build stage. Two source trees in, a bundle of replacement code out.

`hotbuild.pipeline.diff` is the entry for programs; `python -m hotbuild` for people. Nothing of this package is imported
by a process that loads a bundle: that is `hotbuild_runtime`, which needs the standard library only.
"""

__version__ = "0.1.0"
