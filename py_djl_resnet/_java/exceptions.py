"""Translates Java exceptions into the errors of this package."""

from __future__ import annotations

import re
from typing import Any

from ..errors import EngineError, ResnetError, RunInUseError, SettingError, TrainingError, UsageError
from .jvm_options import engine_cache

#: Our own Java exceptions, whose text is written for users.
_OURS = {
    "org.djlresnet.training.RunInUseException": RunInUseError,
    "org.djlresnet.recipe.SettingException": SettingError,
    "org.djlresnet.UserException": UsageError,
    "org.djlresnet.TrainingException": TrainingError,
}
_REINSTALL = "Reinstall the package with pip; in a checkout, run mvn package."
SEE_DOCTOR = " Check the installation with: py-djl-resnet doctor"
"""Ends errors whose cause is unknown."""
_OTHER_CACHE = "set DJL_CACHE_DIR to another folder"

#: Why the engine's library was not loaded. Java reports this once, and later only that a class cannot be initialized.
_load_failure: EngineError | None = None


def translate(error: Any) -> ResnetError:
    """Returns our error for a Java exception, chosen by the most specific exception in its chain of causes."""
    global _load_failure
    chain = [error]
    while (cause := chain[-1].getCause()) is not None and len(chain) < 20:
        chain.append(cause)
    messages = [str(link.getMessage() or "") for link in chain]
    kinds = [_classes(link) for link in chain]
    for classes, message in zip(kinds, messages, strict=True):
        for kind in classes:
            if kind in _OURS:
                return _OURS[kind](message)

    # the most specific first: an engine's exception may wrap any of the others
    found = {kind: text for classes, text in zip(kinds, messages, strict=True) for kind in classes}
    if (text := found.get("java.lang.OutOfMemoryError")) is not None:
        return EngineError(
            f"The Java heap is full: {text}. Increase it with PY_DJL_RESNET_HEAP, such as 4g, or use smaller batches."
        )
    if (text := found.get("java.lang.UnsatisfiedLinkError")) is not None:
        reason = re.sub(r"^(.+): \1: ", r"\1: ", text)  # Java names the file twice
        _load_failure = EngineError(f"The engine's native library cannot be loaded: {reason}.{_link_advice(text)}")
        return _load_failure
    engine = found.get("ai.djl.engine.EngineException")
    if engine is not None and (text := found.get("java.io.IOException")) is not None:
        cache = str(engine_cache())
        _load_failure = EngineError(
            f"The engine's native library cannot be unpacked in {cache}: {text.removeprefix(f'{cache}: ')}. Make the "
            f"folder writable, free 1 GB of disk space, or {_OTHER_CACHE}."
        )
        return _load_failure
    if (text := found.get("java.lang.NoClassDefFoundError")) is not None:
        if _load_failure is not None and text.startswith("Could not initialize class"):
            return _load_failure
        return EngineError(f"A Java class is missing or unusable: {messages[-1] or text}. {_REINSTALL}")
    if engine is not None:
        text = (engine or messages[-1]).rstrip(".")
        if re.search(r"alloc|out of memory|not enough memory", text, re.I):
            return EngineError(f"The engine is out of memory: {text}. Use smaller batches or images.")
        if (last := messages[-1].rstrip(".")) not in text:
            text = f"{text}: {last}"
        return EngineError(f"The engine failed: {text}.{SEE_DOCTOR}")
    return ResnetError(messages[0] or kinds[0][0])


def _link_advice(text: str) -> str:
    """Returns how to fix the failure that the dynamic linker describes in `text`."""
    if "failed to map segment" in text:
        return f" The cache may be on a disk mounted noexec: {_OTHER_CACHE}."
    if re.search(r"file too short|invalid ELF header", text) and str(engine_cache()) in text:
        return f" The file is damaged. Delete {engine_cache()}, and the next run unpacks it again."
    if "GLIBC" in text:
        return " This system is too old for the engine. Use a newer one."
    return SEE_DOCTOR


def _classes(thrown: Any) -> list[str]:
    """Returns the names of a Java object's class and its superclasses, its own first."""
    names = []
    java_class = thrown.getClass()
    while java_class is not None:
        names.append(str(java_class.getName()))
        java_class = java_class.getSuperclass()
    return names
