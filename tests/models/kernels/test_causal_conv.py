"""The short convolution against float64, and what every recurrence must do."""

import pytest
import torch

from secretariat.models.kernels.causal_conv.cpu import add_causal_conv
from secretariat.models.kernels.causal_conv.reference import causal_conv
from tests.models.kernels.recurrence import Buffers, RecurrenceTests

BEFORE, BEHIND = 3, 5  # columns of the wider buffer that belong to others


class Conv:
    def __init__(self, channels, taps, *, bias):
        self.weight_Ck = torch.randn(channels, taps)
        self.bias_C = torch.randn(channels) if bias else None

    def draw(self, tokens):
        return [torch.randn(tokens, len(self.weight_Ck))]

    def build(self, program, commits, tokens, slots, held):
        channels, taps = self.weight_Ck.shape
        wide = torch.full((tokens, BEFORE + channels + BEHIND), torch.nan)
        x_NC, y_NC = wide[:, BEFORE : BEFORE + channels], torch.empty(tokens, channels)
        state_SWC = torch.zeros(slots, taps - 1, channels)
        add_causal_conv(program, commits, x_NC, y_NC, self.weight_Ck, self.bias_C, state_SWC, held=held)
        return Buffers([x_NC], y_NC, [state_SWC])

    def reference(self, inputs):
        weight_Ck, bias_C = self.weight_Ck.double(), None if self.bias_C is None else self.bias_C.double()
        state_WC = torch.zeros(weight_Ck.shape[1] - 1, len(weight_Ck), dtype=torch.double)
        y_TC, state_WC = causal_conv(inputs[0], weight_Ck, bias_C, state_WC)
        return y_TC, [state_WC]


class TestCausalConv(RecurrenceTests):
    @pytest.fixture(params=[(16, 2, True), (37, 3, False), (80, 4, True), (5, 4, False)], ids=str)
    def recurrence(self, request):
        torch.manual_seed(0)
        channels, taps, bias = request.param
        return Conv(channels, taps, bias=bias)
