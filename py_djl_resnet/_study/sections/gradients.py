"""The section with the norms of gradients, by step and by depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..folder import StudyRuns
from ..section import Section


def gradients(study: StudyRuns, options: Mapping[str, Any]) -> Section:
    """Draws the norms of gradients."""
    return Section("Gradients", "To be built.")
