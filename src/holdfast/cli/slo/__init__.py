"""`holdfast slo`: objectives checked, judged over their windows, made into alerts, played back, and asked for leave."""

from holdfast.cli.slo.group import slo

__all__ = ["slo"]
