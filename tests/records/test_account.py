"""Nothing is lost silently: the sums of an account are checked, and they add up."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compoundeye.records import Account, AccountError, EyeError

REASONS = st.lists(st.sampled_from(["truncated JPEG", "not a picture", "empty file"]), max_size=5).map(Counter)


@st.composite
def balanced(draw: st.DrawFn) -> Account:
    done, duplicate, abstained = (draw(st.integers(0, 10**12)) for _ in range(3))
    reasons = draw(REASONS)
    seen = done + duplicate + abstained + reasons.total()
    return Account(seen, done, duplicate, abstained, reasons.total(), reasons)


@given(balanced(), balanced())
def test_accounts_that_balance_still_do_when_added(one: Account, other: Account) -> None:
    both = one.check() + other.check()
    assert both.check() is both
    assert both.seen == one.seen + other.seen
    assert both == other + one


@given(balanced(), st.sampled_from(["seen", "done", "duplicate", "abstained", "failed"]), st.sampled_from([-1, 1]))
def test_one_input_too_many_or_too_few_is_noticed(account: Account, field: str, change: int) -> None:
    setattr(account, field, getattr(account, field) + change)
    with pytest.raises(AccountError, match="does not balance"):
        account.check()


def test_a_failure_without_a_reason_is_noticed() -> None:
    with pytest.raises(AccountError, match="2 failed, 1 with a reason"):
        Account(seen=2, failed=2, reasons=Counter({"empty file": 1})).check()


def test_adding_leaves_both_accounts_as_they_were() -> None:
    one = Account(seen=1, failed=1, reasons=Counter({"empty file": 1}))
    _ = one + one
    assert one.reasons == Counter({"empty file": 1})


def test_it_is_written_as_plain_json_with_reasons_in_order() -> None:
    account = Account(seen=3, done=1, failed=2, reasons=Counter({"truncated JPEG": 1, "empty file": 1}))
    plain = json.loads(json.dumps(account.as_dict()))
    assert plain["seen"] == 3
    assert list(plain["reasons"]) == ["empty file", "truncated JPEG"]


def test_an_account_that_does_not_balance_is_one_sentence_for_the_user() -> None:
    assert issubclass(AccountError, EyeError)
