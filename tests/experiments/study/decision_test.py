#!/usr/bin/python3
"""Tests of the decisions of the study against values computed by hand.

decision_test.py FOLDER_OF_STUDY. Exit code 77, shown as skipped, where a package is missing.
"""
import sys

sys.dont_write_bytecode = True
try:
    import numpy as np
    import scipy  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; install python3-scipy")
    sys.exit(77)

sys.path.insert(0, sys.argv[1])
import decision  # noqa: E402
from decision import FAILS, HOLDS, UNDECIDED, Outcome  # noqa: E402


def near(value, expected, tolerance=1e-6):
    assert abs(value - expected) < tolerance, (value, expected)


def t_interval_and_p_are_students():
    mean, low, high, p = decision.t_test([1, 2, 3, 4], 0)
    near(mean, 2.5)
    near(high - mean, 3.182446305284263 * np.sqrt(5 / 3) / 2)
    near(mean - low, high - mean)
    near(decision.t_test([1, 2, 3, 4], low)[3], 0.05)  # the interval's ends are where p is 0.05
    near(p, 0.03046629, 1e-6)


def equal_effects_have_the_sign_tests_p():
    assert decision.t_test([1, 1, 1], 0) == (1, 1, 1, 0.25)
    assert decision.t_test([1, 1, 1], 1)[3] == 1


def one_effect_has_no_interval():
    mean, *rest = decision.t_test([3], 0)
    assert mean == 3 and np.isnan(rest).all()


def signed_ranks_are_counted_exactly():
    near(decision.signed_rank([1, 2, 3, 4, 5], 0), 2 / 32)
    near(decision.signed_rank([-1, 2, 3, 4, 5], 0), 4 / 32)
    near(decision.signed_rank([1, 2, 3, 4, 5], 3), 1)
    assert np.isnan(decision.signed_rank([2, 2], 2))


def holm_multiplies_by_the_tests_that_are_left():
    assert np.allclose(decision.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert np.allclose(decision.holm([1, 0.9]), [1, 1])


def resampling_gives_the_same_interval_each_time():
    values = np.arange(50.0)

    def draw(chosen):
        return values[chosen].mean()

    first = decision.bootstrap(draw, [50], 0)
    assert first == decision.bootstrap(draw, [50], 0)
    low, high, p = first
    near((high - low) / 2, 1.96 * values.std() / np.sqrt(50), 0.3)
    near(p, 2 / 2000)


def resamples_without_a_value_are_left_out():
    low, high, _ = decision.bootstrap(lambda chosen: np.nan if 0 in chosen else 1.0, [4], 0)
    assert low == high == 1
    assert np.isnan(decision.bootstrap(lambda chosen: np.nan, [4], 0)).all()


def a_value_with_an_error_is_taken_as_normal():
    low, high, p = decision.normal_test(2, 1, 0)
    near(high - 2, 1.959964, 1e-5)
    near(2 - low, 1.959964, 1e-5)
    near(p, 0.04550026, 1e-6)
    assert np.isnan(decision.normal_test(2, 0, 0)).all()


def monotone_rows_have_a_trend():
    rows = [[1, 2, 3, 5, 8, 9], [2, 3, 4, 6, 7, 8], [0, 1, 2, 3, 4, 5]]
    taus, p = decision.permuted_trend(rows, [1, 2, 4, 8, 16, np.inf], draws=999)
    assert taus == [1, 1, 1] and p == 1 / 1000
    taus, p = decision.permuted_trend([[1, 2, 3, 4]], [4, 3, 2, 1], draws=2400 - 1)
    assert taus == [-1]
    near(p, 2 / 24, 0.02)  # of 24 orders two are as far from 0
    assert decision.permuted_trend([[1, 1, 1]], [1, 2, 3], draws=9) == ([0], 1)


def kendalls_tau_is_that_of_scipy():
    row, order = [3, 1, 1, 5, 2], [1, 2, 3, 4, 4]
    near(decision.permuted_trend([row], order, draws=1)[0][0], scipy.stats.kendalltau(row, order)[0])


def outcome(mean, p, threshold=0.0, effects=(1, 1), **more):
    return Outcome("test", threshold=threshold, effects=dict(enumerate(effects)), mean=mean, p=p, **more)


def a_claim_holds_only_if_every_test_does():
    both = [outcome(1, 0.001), outcome(1, 0.01)]
    near(decision.claim_p(both), 0.01)
    assert decision.verdict_of(both, 0.04, 0.05)[0] == HOLDS
    assert decision.verdict_of(both, 0.06, 0.05)[0] == UNDECIDED


def a_claim_fails_if_one_test_is_below_its_threshold():
    both = [outcome(1, 0.001), outcome(0.2, 0.01, threshold=0.5)]
    near(decision.claim_p(both), 0.02)
    verdict, why = decision.verdict_of(both, 0.04, 0.05)
    assert verdict == FAILS and "1 of 2 below: test (0.2, threshold 0.5)" in why
    assert decision.verdict_of(both, 0.2, 0.05)[0] == UNDECIDED


def a_seed_of_the_other_sign_leaves_a_claim_undecided():
    verdict, why = decision.verdict_of([outcome(1, 0.001, effects=(3, -1))], 0.001, 0.05)
    assert verdict == UNDECIDED and "not the same sign" in why


def missing_runs_leave_a_claim_undecided_and_are_named():
    lacking = outcome(1, 0.001, missing=[("families: dws", 3), ("families: dws", 0), ("a dataset", None)])
    assert decision.claim_p([lacking]) == 1
    verdict, why = decision.verdict_of([lacking], 1, 0.05)
    assert verdict == UNDECIDED and why == "lacks families: dws, seeds 0, 3; a dataset"


def what_does_not_decide_is_not_asked():
    shown = outcome(-1, 0.001, missing=[("anything", None)], decides=False)
    assert decision.verdict_of([outcome(1, 0.001), shown], 0.001, 0.05)[0] == HOLDS
    near(decision.claim_p([outcome(1, 0.001), shown]), 0.001)


def without_a_loss_there_is_nothing_to_decide():
    idle = Outcome("test", is_idle=True)
    assert decision.claim_p([idle]) == 1
    verdict, why = decision.verdict_of([idle], 1, 0.05)
    assert verdict == UNDECIDED and "nothing to recover" in why
    assert decision.verdict_of([idle, outcome(1, 0.001)], 0.001, 0.05)[0] == HOLDS


def too_few_seeds_are_said():
    verdict, why = decision.verdict_of([outcome(1, np.nan, effects=(1,))], 1, 0.05)
    assert verdict == UNDECIDED and "too few seeds" in why


FACTS = (t_interval_and_p_are_students, equal_effects_have_the_sign_tests_p, one_effect_has_no_interval,
         signed_ranks_are_counted_exactly, holm_multiplies_by_the_tests_that_are_left,
         resampling_gives_the_same_interval_each_time, resamples_without_a_value_are_left_out,
         a_value_with_an_error_is_taken_as_normal, monotone_rows_have_a_trend, kendalls_tau_is_that_of_scipy,
         a_claim_holds_only_if_every_test_does, a_claim_fails_if_one_test_is_below_its_threshold,
         a_seed_of_the_other_sign_leaves_a_claim_undecided, missing_runs_leave_a_claim_undecided_and_are_named,
         what_does_not_decide_is_not_asked, without_a_loss_there_is_nothing_to_decide, too_few_seeds_are_said)
for fact in FACTS:
    fact()
    print(fact.__name__)
