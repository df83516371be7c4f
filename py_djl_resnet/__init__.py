"""Residual networks on the JVM's deep-learning library DJL, driven from Python.

Importing this package starts no JVM; the first call that computes does.
"""

TYPE_CHECKING = False  # importing typing would slow the start
if TYPE_CHECKING:
    from ._public import *  # noqa: F403
    from ._public import __version__ as __version__
else:

    def __getattr__(name):
        """Imports the public names when the first one is used.

        The command line is in this package, too, and must handle Ctrl-C before numpy and JPype are imported.
        """
        from importlib import import_module
        from importlib.util import find_spec

        if find_spec(f"{__name__}.{name}"):  # `from . import module` looks here before it imports the module
            raise AttributeError(name)
        public = vars(import_module("._public", __name__))
        names = sorted(each for each in public if not each.startswith("_"))
        globals().update({each: public[each] for each in (*names, "__version__")}, __all__=[*names, "__version__"])
        if name not in globals():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals()[name]

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__")})
