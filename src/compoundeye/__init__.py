"""CompoundEye: keep, categorise, search and train on pictures, from ten to billions.

import compoundeye as ce

ce.ingest(["~/Pictures"], "corpus.lance")
ce.categorise("corpus.lance")
"""
