"""A study before it runs: what it holds, what of it is done, and what the rest takes on a given machine.

Counts are exact. Seconds, room and memory are estimated from a calibration or from stated throughputs; the
module `actual` sets them beside what was measured.
"""

from .actual import Beside, beside_actual, stored_plan, write_beside
from .calibration import calibrate
from .counts import StageCost, grid_flops, plan
from .errors import PlanError
from .estimate import Plan, RulePlan, Totals, as_json, plan_study
from .profile import machine_of
from .same_machine import differences
from .schedule import Machine
from .stored import calibrate_anew, last_calibration, plan_path, stated_speeds, store, write_plan
from .table import actual_table, print_plan
from .throughput import Throughput, read_throughput, write_throughput

__all__ = [
    "Beside",
    "Machine",
    "Plan",
    "PlanError",
    "RulePlan",
    "StageCost",
    "Throughput",
    "Totals",
    "actual_table",
    "as_json",
    "beside_actual",
    "calibrate",
    "calibrate_anew",
    "differences",
    "grid_flops",
    "last_calibration",
    "machine_of",
    "plan",
    "plan_path",
    "plan_study",
    "print_plan",
    "read_throughput",
    "stated_speeds",
    "store",
    "stored_plan",
    "write_beside",
    "write_plan",
    "write_throughput",
]
