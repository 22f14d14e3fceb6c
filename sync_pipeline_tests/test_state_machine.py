"""Whatever happens to a system and on the way to it, its mirror ends equal to it: laws 1, 4, 5, 6, 8 and 10.

A run of `SYNC_PIPELINE_COURSES=500` courses is the large one (docs/laws.md).
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sync_pipeline_tests import courses_of_org, courses_of_subscription
from sync_pipeline_tests.courses import Course
from sync_pipeline_tests.courses_of_org import OrgCourse, VeevaCourse
from sync_pipeline_tests.courses_of_subscription import SubscriptionCourse

COURSES = int(os.environ.get("SYNC_PIPELINE_COURSES", "2"))
STEPS = 5


@pytest.mark.parametrize("course", [courses_of_org, courses_of_subscription])
def test_every_kind_of_fault_can_come_up_in_a_course(course: ModuleType) -> None:
    """Each setting that a kind needs is drawn, and none that it does not have."""
    assert course.SETTINGS.keys() <= course.KINDS.keys()
    for name, kind in course.KINDS.items():
        needed = {setting for setting, default in kind.settings.items() if default == ""}
        assert needed <= course.SETTINGS.get(name, {}).keys() <= kind.settings.keys(), name


@pytest.mark.parametrize("course", [OrgCourse, SubscriptionCourse, VeevaCourse])
def test_whatever_happens_the_mirror_ends_equal_to_the_system(course: type[Course], new_catalog: Path) -> None:
    """GEN-17, of a Veeva org VV-GEN-6, and of the subscription MK-REST-8 and 22."""
    this_course = type("ThisCourse", (course,), {"new_catalog": new_catalog})
    run_state_machine_as_test(
        this_course,
        settings=settings(
            max_examples=COURSES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
