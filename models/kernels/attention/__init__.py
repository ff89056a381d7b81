"""Softmax attention over paged keys and values, prefill and decode alike. See README.md."""
