"""What is said of a router's choices, on numbers that can be worked out by hand."""

import numpy as np

from secretariat.models.experts.judging import abstain_curve, accuracy, calibration_error, regret

CHANCES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
LABELS = np.array([0, 0, 1, 1])


def test_accuracy_and_calibration_by_hand():
    assert accuracy(CHANCES, LABELS) == 0.75
    # a bin for each: |1 - .9|, |1 - .8|, |1 - .7|, |0 - .6|, a quarter each
    assert np.isclose(calibration_error(CHANCES, LABELS), (0.1 + 0.2 + 0.3 + 0.6) / 4)
    assert calibration_error(np.array([[1.0, 0.0]]), np.array([0])) == 0


def test_abstaining_on_the_least_sure_raises_accuracy():
    curve = abstain_curve(CHANCES, LABELS, points=4)
    assert [point.coverage for point in curve] == [1.0, 0.75, 0.5, 0.25]
    assert [point.accuracy for point in curve] == [0.75, 1.0, 1.0, 1.0]
    assert [point.probability for point in curve] == [0.6, 0.7, 0.8, 0.9]


def test_regret_is_what_the_best_expert_would_have_added():
    scores = np.array([[1.0, 0.0], [0.2, 0.6]])
    assert np.isclose(regret(scores, np.array([0, 0])), 0.2)
    assert regret(scores, np.array([0, 1])) == 0
