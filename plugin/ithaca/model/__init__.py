"""The model: frozen structures that every other room shares, without behaviour.

`workflow` is the backend-neutral workflow (IR); `run` has the documents of a run. The room imports
nothing of Ithaca.
"""

from __future__ import annotations

from ithaca.model.workflow import Code as Code
from ithaca.model.workflow import Metric as Metric
from ithaca.model.workflow import Parameter as Parameter
from ithaca.model.workflow import Resources as Resources
from ithaca.model.workflow import Secret as Secret
from ithaca.model.workflow import Source as Source
from ithaca.model.workflow import Step as Step
from ithaca.model.workflow import Study as Study
from ithaca.model.workflow import Volume as Volume
from ithaca.model.workflow import Workflow as Workflow
