"""Work on whole documents: a cited summary, a translation that is checked, labels."""
