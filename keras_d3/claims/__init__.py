"""Claims of the papers: the ledger of runs, effects with intervals, verdicts, and their page."""

from keras_d3.claims.ledger import LedgerRow, append_row, config_sha256, read_ledger
from keras_d3.claims.listing import claims_as_text, claims_table, named_claims, selected_claims
from keras_d3.claims.page import claims_page, claims_text
from keras_d3.claims.results import ContrastResult, NamedClaim, evaluate_claim
from keras_d3.claims.statistics import Effect, paired_effect, seeds_to_decide, verdict_of

__all__ = [
    "ContrastResult",
    "Effect",
    "LedgerRow",
    "NamedClaim",
    "append_row",
    "claims_as_text",
    "claims_page",
    "claims_table",
    "claims_text",
    "config_sha256",
    "evaluate_claim",
    "named_claims",
    "paired_effect",
    "read_ledger",
    "seeds_to_decide",
    "selected_claims",
    "verdict_of",
]
