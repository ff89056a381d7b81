"""Training data: readers of public sets, generators, the prompt forms they are written in, and the guard of tests.

Everything ends as records of `conversations`. Knows no network and no optimizer.
"""
