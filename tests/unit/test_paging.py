"""A scan requests the fewest pages that prove a snapshot, and is complete only with a proof."""

import random

import pytest

from calcom.paging import MAX_GAPS, MAX_REPAIRS, MAX_REPEATED_READS, RepeatedReads, Scan
from calcom.scopes import ALL_IDS, Page, Verdict
from calcom.strategy import pages_for

END = ALL_IDS[0][1]


def serve(ids: list[int], skip: int, take: int) -> Page:
    return Page.of_ids(skip=skip, take=take, ids=ids[skip : skip + take])


def read_all(scan: Scan, ids: list[int]) -> list[int]:
    """Read a list that does not change; return the requested offsets."""
    offsets = []
    while not scan.is_over:
        (skip,) = scan.next_skips()
        offsets.append(skip)
        scan.accept(serve(ids, skip, scan.take))
    return offsets


@pytest.mark.parametrize(
    ("rows", "offsets"),
    [
        (0, [0]),
        (3, [0]),
        (4, [0, 3]),
        (6, [0, 3]),
        (7, [0, 3, 6]),
        (10, [0, 3, 6, 9]),
    ],
)
def test_each_page_begins_on_the_last_row_of_the_page_before_it(rows: int, offsets: list[int]) -> None:
    scan = Scan(4)
    assert read_all(scan, list(range(1, rows + 1))) == offsets
    assert (scan.verdict, scan.pages, scan.repairs) == (Verdict.COMPLETE, len(offsets), 0)


@pytest.mark.parametrize("take", [2, 3, 7, 100, 250])
@pytest.mark.parametrize("rows", [0, 1, 2, 99, 100, 249, 250, 251, 498, 499, 500])
def test_a_list_that_does_not_change_needs_the_estimated_number_of_pages(take: int, rows: int) -> None:
    scan = Scan(take)
    read_all(scan, list(range(10, 10 + 3 * rows, 3)))
    assert scan.verdict is Verdict.COMPLETE
    assert scan.pages == pages_for(rows, take)


def test_a_full_page_is_never_the_end() -> None:
    scan = Scan(4)
    scan.next_skips()
    scan.accept(serve([1, 2, 3, 4], 0, 4))
    assert not scan.is_over
    assert scan.verdict is None


def test_rows_deleted_behind_the_anchor_make_the_scan_step_back() -> None:
    ids = list(range(1, 11))
    scan = Scan(4)
    scan.next_skips()
    scan.accept(serve(ids, 0, 4))
    del ids[:2]  # ids 1 and 2: the row at offset 3 is now 6, and row 5 would be lost
    assert scan.next_skips() == [3]
    scan.accept(serve(ids, 3, 4))
    assert scan.next_skips() == [1]
    assert scan.repairs == 1
    scan.accept(serve(ids, 1, 4))
    read_all(scan, ids)
    assert scan.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("deleted", range(1, 41))
def test_the_seam_is_found_after_any_number_of_deleted_rows(deleted: int) -> None:
    ids = list(range(1, 101))
    scan = Scan(4)
    while scan.pages < 20:
        (skip,) = scan.next_skips()
        scan.accept(serve(ids, skip, 4))
    del ids[:deleted]
    read_all(scan, ids)
    assert scan.verdict is Verdict.COMPLETE
    assert scan.repairs <= 10


def test_a_few_pages_find_the_seam_after_a_mass_deletion() -> None:
    ids = list(range(1, 200_001))
    scan = Scan(250)
    while scan.pages < 600:
        (skip,) = scan.next_skips()
        scan.accept(serve(ids, skip, 250))
    del ids[:120_000]
    pages_before = scan.pages
    read_all(scan, ids)
    assert scan.verdict is Verdict.COMPLETE
    assert scan.repairs <= 20
    assert scan.pages - pages_before <= pages_for(len(ids) - 29_400, 250) + 25


def test_a_list_that_is_emptied_during_the_scan_is_complete() -> None:
    scan = Scan(4)
    scan.next_skips()
    scan.accept(serve(list(range(1, 9)), 0, 4))
    read_all(scan, [])
    assert scan.verdict is Verdict.COMPLETE


def test_an_empty_page_beyond_the_end_alone_proves_nothing() -> None:
    scan = Scan(4)
    scan.accept(serve(list(range(1, 9)), 0, 4))
    scan.accept(serve([], 3, 4))
    assert not scan.is_over


def test_rows_that_are_inserted_before_the_anchor_leave_the_scan_complete() -> None:
    ids = list(range(100, 120))
    scan = Scan(4)
    scan.next_skips()
    scan.accept(serve(ids, 0, 4))
    ids[:0] = range(1, 9)  # a person with old entries joins
    read_all(scan, ids)
    assert scan.verdict is Verdict.COMPLETE


def test_pages_may_be_requested_ahead_and_accepted_in_any_order() -> None:
    ids = list(range(1, 31))
    scan = Scan(4)
    skips = scan.next_skips(4, expected_rows=30)
    assert skips == [0, 3, 6, 9]
    for skip in reversed(skips):
        scan.accept(serve(ids, skip, 4))
    assert scan.next_skips(2, expected_rows=30) == [12, 15]


@pytest.mark.parametrize("take", [2, 3, 4, 7])
@pytest.mark.parametrize("step", [1, 2])
def test_no_page_is_requested_twice_in_any_order_of_the_responses(take: int, step: int) -> None:
    ids = list(range(1, 30 * step, step))
    for seed in range(20):
        order, scan = random.Random(seed), Scan(take)
        in_flight, requested = list[int](), list[int]()
        while not scan.is_over:
            skips = scan.next_skips(6 - len(in_flight), expected_rows=len(ids))
            in_flight, requested = [*in_flight, *skips], [*requested, *skips]
            skip = in_flight.pop(order.randrange(len(in_flight)))
            scan.accept(serve(ids, skip, take))
        assert len(set(requested)) == len(requested)
        assert (scan.verdict, scan.repairs) == (Verdict.COMPLETE, 0)


def test_spans_with_one_id_between_them_do_not_join() -> None:
    ids = [10, 20, 30, 31, 32, 33]
    scan, rows = Scan(3), set[int]()
    assert scan.next_skips(3, expected_rows=9) == [0, 2, 4]
    for skip in (0, 4):
        scan.accept(serve(ids, skip, 3))
    ids[1:1] = [11, 12]  # a person with two entries joins, so that the page at offset 2 ends before 31
    assert (serve(ids, 2, 3).first_id, serve(ids, 2, 3).last_id) == (12, 30)
    scan.accept(serve(ids, 2, 3))
    assert scan.proven == ((0, 30), (32, END))
    while not scan.is_over:
        (skip,) = scan.next_skips()
        rows.update(ids[skip : skip + 3])
        scan.accept(serve(ids, skip, 3))
    assert scan.verdict is Verdict.COMPLETE
    assert 31 in rows


def test_a_span_joins_a_page_read_ahead_that_begins_at_the_next_id() -> None:
    before, after = [10, 20, 31, 40, 50, 60], [10, 20, 30, 31, 40, 50, 60]
    scan = Scan(3)
    assert scan.next_skips(2, expected_rows=9) == [0, 2]
    scan.accept(serve(before, 2, 3))
    scan.accept(serve(after, 0, 3))  # a person with entry 30 joined between the two responses
    assert scan.proven == ((0, 50),)


def test_nothing_is_proven_before_the_first_page() -> None:
    scan = Scan(2)
    assert scan.proven == ()
    assert scan.next_skips(2, expected_rows=9) == [0, 1]
    scan.accept(serve([1, 2, 3, 4], 1, 2))
    assert scan.proven == ((2, 3),)


def test_no_page_is_requested_without_room_or_after_the_end() -> None:
    assert Scan(4).next_skips(room=0, expected_rows=30) == []
    scan = Scan(4)
    assert scan.next_skips(expected_rows=30) == [0]
    scan.accept(serve([1, 2], 0, 4))
    assert scan.next_skips(4, expected_rows=30) == []


def test_only_the_page_at_the_seam_is_requested_while_the_scan_steps_back() -> None:
    scan = Scan(4)
    scan.accept(serve(list(range(1, 31)), 0, 4))
    scan.accept(serve(list(range(3, 31)), 3, 4))
    assert scan.next_skips(4, expected_rows=30) == [1]


def test_a_scan_that_continues_from_stored_pages_requests_ahead_behind_them() -> None:
    ids, scan = list(range(1, 31)), Scan(4)
    for skip in (0, 6):
        scan.accept(serve(ids, skip, 4))
    assert scan.next_skips(2, expected_rows=30) == [3, 9]


def test_no_page_is_requested_ahead_once_the_proof_has_failed() -> None:
    scan = Scan(4)
    scan.accept(Page.of_ids(skip=0, take=4, ids=[1, None, 3, 4]))
    assert scan.next_skips(4, expected_rows=30) == [4]


def test_speculation_never_passes_the_expected_rows_or_a_page_that_ended_the_list() -> None:
    scan = Scan(4)
    assert scan.next_skips(8, expected_rows=12) == [0, 3, 6]
    scan = Scan(4)
    assert scan.next_skips(3, expected_rows=1_000) == [0, 3, 6]
    scan.accept(serve([1, 2, 3, 4, 5], 6, 4))  # empty: the list ends before offset 6
    assert scan.next_skips(3, expected_rows=1_000) == []
    scan.accept(serve([1, 2, 3, 4, 5], 0, 4))
    assert scan.next_skips(3, expected_rows=1_000) == []
    scan.accept(serve([1, 2, 3, 4, 5], 3, 4))
    assert (scan.verdict, scan.pages) == (Verdict.COMPLETE, 3)


def test_no_offset_is_requested_twice_while_it_is_in_flight() -> None:
    scan = Scan(4)
    assert scan.next_skips() == [0]
    assert scan.next_skips() == []
    assert scan.next_skips(room=0) == []


def test_a_page_whose_ids_do_not_ascend_ends_the_scan_unproven() -> None:
    scan = Scan(4)
    assert read_all(scan, list(range(10, 0, -1))) == [0]
    assert (scan.verdict, scan.problem) == (Verdict.UNPROVEN, "ids_not_ascending")
    assert scan.proven == ()


@pytest.mark.parametrize("ids", [[1, 1], [2, 1], [1, 3, 3, 4]])
def test_repeated_or_descending_ids_are_not_ascending(ids: list[int | None]) -> None:
    assert not Page.of_ids(skip=0, take=9, ids=ids).is_ascending


def test_a_record_with_an_invalid_id_makes_the_scan_unproven_and_it_still_reads_to_the_end() -> None:
    scan = Scan(4)
    scan.accept(Page.of_ids(skip=0, take=4, ids=[1, None, 3, 4]))
    assert not scan.is_over
    assert read_all(scan, list(range(1, 11))) == [4, 8]
    assert (scan.verdict, scan.problem) == (Verdict.UNPROVEN, "unreadable_id")


def test_a_server_that_ignores_skip_ends_unproven() -> None:
    scan = Scan(4)
    while not scan.is_over:
        (skip,) = scan.next_skips()
        scan.accept(Page.of_ids(skip=skip, take=4, ids=[1, 2, 3, 4]))
    assert (scan.verdict, scan.problem) == (Verdict.UNPROVEN, "no_sound_seam")
    assert scan.repairs == MAX_REPAIRS + 1
    assert scan.pages <= MAX_REPAIRS + 5


def test_the_scan_of_a_server_that_never_ends_is_bounded() -> None:
    scan = Scan(2, max_pages=1_000)
    while not scan.is_over:
        (skip,) = scan.next_skips()
        scan.accept(Page.of_ids(skip=skip, take=2, ids=[skip + 1, skip + 2]))
    assert (scan.verdict, scan.problem, scan.pages) == (Verdict.UNPROVEN, "no_end", 1_000)


def test_a_page_size_that_cannot_be_anchored_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        Scan(1)


def test_a_scan_of_a_million_rows_accepted_out_of_order_takes_linear_time() -> None:
    """Quadratic work on 4,017 pages would take minutes."""
    rows, take = 1_000_000, 250
    scan, in_flight = Scan(take), list[int]()
    while not scan.is_over:
        in_flight += scan.next_skips(8 - len(in_flight), expected_rows=rows)
        skip = in_flight.pop()  # the last request first
        last = min(skip + take, rows)
        is_page = skip < rows
        scan.accept(
            Page(
                skip,
                take,
                rows=max(0, last - skip),
                first_id=skip + 1 if is_page else None,
                last_id=last if is_page else None,
                is_ascending=True,
            )
        )
    assert (scan.verdict, scan.pages) == (Verdict.COMPLETE, pages_for(rows, take))


# Pages that cannot be read

IDS = list(range(10, 210, 10))


def test_the_spans_on_both_sides_of_a_gap_are_proven() -> None:
    scan = Scan(4)
    scan.accept(serve(IDS, 0, 4))
    assert scan.skip_over(3)
    assert scan.next_skips() == [6]
    assert (scan.proven, scan.gaps) == (((0, 40),), 1)
    scan.accept(serve(IDS, 6, 4))
    read_all(scan, IDS)
    assert (scan.verdict, scan.proven) == (Verdict.FAILED, ((0, 40), (70, END)))


def test_a_page_that_is_read_later_closes_its_gap() -> None:
    first, second = Scan(4), Scan(4)
    pages = [serve(IDS, skip, 4) for skip in (0, 6, 9, 12, 15, 18)]
    first.accept(pages[0])
    assert first.skip_over(3)
    for page in pages[1:]:
        first.accept(page)
    assert first.verdict is Verdict.FAILED
    for page in pages:
        second.accept(page)
    assert second.next_skips(4, expected_rows=20) == [3]
    second.accept(serve(IDS, 3, 4))
    assert (second.verdict, second.proven, second.repairs) == (Verdict.COMPLETE, ALL_IDS, 0)


def test_a_page_that_overlaps_both_sides_of_a_gap_closes_it_in_the_same_scan() -> None:
    ids = list(IDS)
    scan = Scan(4)
    scan.accept(serve(ids, 0, 4))
    scan.next_skips()
    assert scan.skip_over(3)
    ids[:0] = [1, 2, 3, 4]  # a person who joins moves all rows: the row at offset 6 was at offset 2
    read_all(scan, ids)
    assert (scan.verdict, scan.proven, scan.gaps) == (Verdict.COMPLETE, ALL_IDS, 1)


def test_a_page_requested_ahead_is_not_stepped_over_before_the_scan_arrives_there() -> None:
    scan = Scan(4)
    assert scan.next_skips(3, expected_rows=20) == [0, 3, 6]
    assert scan.skip_over(6)
    assert scan.skip_over(3)
    scan.accept(serve(IDS, 0, 4))
    assert (scan.next_skips(), scan.gaps) == ([3], 0)
    scan.accept(serve(IDS, 3, 4))
    assert scan.next_skips() == [6]
    assert scan.skip_over(6)
    assert (scan.next_skips(), scan.gaps) == ([9], 1)


def test_behind_a_gap_the_scan_continues_from_a_page_that_was_read_ahead() -> None:
    scan = Scan(4)
    assert scan.next_skips(4, expected_rows=30) == [0, 3, 6, 9]
    for skip in (9, 6, 0):
        scan.accept(serve(IDS, skip, 4))
    assert scan.skip_over(3)
    assert (scan.next_skips(), scan.proven) == ([12], ((0, 40), (70, 130)))


def test_a_page_read_ahead_does_not_end_the_scan_before_the_pages_between_are_requested() -> None:
    scan = Scan(4)
    assert scan.next_skips(9, expected_rows=30)[-1] == 24
    scan.accept(serve(IDS, 0, 4))
    scan.accept(serve(IDS, 18, 4))  # the last page
    scan.accept(serve(IDS, 24, 4))  # empty
    assert scan.skip_over(3)
    assert not scan.is_over
    for skip in (6, 9, 12, 15):
        scan.accept(serve(IDS, skip, 4))
    assert (scan.verdict, scan.proven) == (Verdict.FAILED, ((0, 40), (70, END)))


def test_the_first_page_is_stepped_over_to_a_page_that_was_read_ahead() -> None:
    scan = Scan(4)
    assert scan.next_skips(2, expected_rows=20) == [0, 3]
    scan.accept(serve(IDS, 3, 4))
    assert scan.skip_over(0)
    assert (scan.next_skips(), scan.proven, scan.gaps) == ([6], ((40, 70),), 1)


def test_an_empty_page_behind_a_gap_ends_the_scan_failed() -> None:
    scan = Scan(4)
    scan.accept(serve(IDS, 0, 4))
    assert scan.skip_over(3)
    scan.accept(serve(IDS[:6], 6, 4))
    assert (scan.verdict, scan.proven) == (Verdict.FAILED, ((0, 40),))


def test_after_a_deletion_behind_a_gap_the_scan_steps_back() -> None:
    scan = Scan(4)
    scan.accept(serve(IDS, 0, 4))
    assert scan.skip_over(3)
    scan.accept(serve(IDS, 6, 4))
    ids = IDS[5:]
    read_all(scan, ids)
    assert (scan.verdict, scan.proven) == (Verdict.FAILED, ((0, 40), (70, END)))


def test_the_first_page_two_pages_in_a_row_and_too_many_pages_cannot_be_stepped_over() -> None:
    assert not Scan(4).skip_over(0)
    scan = Scan(4)
    scan.accept(serve(IDS, 0, 4))
    assert scan.skip_over(3)
    assert not scan.skip_over(6)
    assert (scan.proven, scan.gaps) == (((0, 40),), 1)
    scan = Scan(2)
    scan.accept(serve(IDS, 0, 2))
    for gap in range(MAX_GAPS):
        (skip,) = scan.next_skips()
        assert skip == 1 + 2 * gap
        assert scan.skip_over(skip)
        (skip,) = scan.next_skips()
        scan.accept(serve(IDS, skip, 2))
    assert not scan.skip_over(*scan.next_skips())
    assert scan.proven == ((0, 20), (30, 40), (50, 60), (70, 80))


# Confirmed ends


def read_capped(scan: Scan, ids: list[int], cap: int) -> list[int]:
    """Read a list from a server that returns at most `cap` rows; return the requested offsets."""
    offsets = []
    while not scan.is_over:
        (skip,) = scan.next_skips()
        offsets.append(skip)
        scan.accept(Page.of_ids(skip=skip, take=scan.take, ids=ids[skip : skip + min(cap, scan.take)]))
    return offsets


@pytest.mark.parametrize(
    ("rows", "offsets"),
    [(0, [0]), (1, [0, 1]), (2, [0, 1]), (3, [0, 2]), (4, [0, 3]), (6, [0, 3, 5]), (7, [0, 3, 6])],
)
def test_the_end_is_confirmed_by_the_last_row_or_behind_a_single_row(rows: int, offsets: list[int]) -> None:
    scan = Scan(4, confirms_end=True)
    assert read_all(scan, list(range(10, 10 + rows))) == offsets
    assert (scan.verdict, scan.proven, scan.repairs) == (Verdict.COMPLETE, ALL_IDS, 0)


@pytest.mark.parametrize(
    ("cap", "offsets"), [(2, [0, 1, 2, 3, 4, 5]), (3, [0, 2, 4, 5]), (5, [0, 4, 5]), (9, [0, 5])]
)
def test_a_cut_page_is_no_end(cap: int, offsets: list[int]) -> None:
    scan = Scan(10, confirms_end=True)
    assert read_capped(scan, [3, 6, 9, 12, 15, 18], cap) == offsets
    assert (scan.verdict, scan.repairs) == (Verdict.COMPLETE, 0)


@pytest.mark.parametrize("distance", [1, 5])
def test_pages_of_one_row_end_the_scan_unproven(distance: int) -> None:
    scan = Scan(10, confirms_end=True)
    assert len(read_capped(scan, list(range(10, 90, distance)), 1)) == 4
    assert (scan.verdict, scan.problem, scan.proven) == (Verdict.UNPROVEN, "page_cap", ())


def test_the_id_1_is_proven_by_a_page_with_this_row_alone() -> None:
    scan = Scan(4, confirms_end=True)
    scan.accept(serve([1], 0, 4))
    assert (scan.is_over, scan.proven) == (False, ((0, 1),))


def test_a_scan_without_a_proof_ends_at_a_page_of_one_row_that_repeats() -> None:
    scan = Scan(4, confirms_end=True)
    scan.accept(Page.of_ids(skip=0, take=4, ids=[1, None, 3]))
    scan.accept(Page.of_ids(skip=3, take=4, ids=[9]))
    assert not scan.is_over
    scan.accept(Page.of_ids(skip=4, take=4, ids=[9]))
    assert scan.is_over


def test_a_row_that_is_added_behind_a_single_row_is_read() -> None:
    scan = Scan(4, confirms_end=True)
    scan.accept(serve([10], *scan.next_skips(), 4))
    read_all(scan, [10, 30])
    assert (scan.verdict, scan.pages) == (Verdict.COMPLETE, 4)


def test_a_last_row_that_is_deleted_before_it_is_requested_again_is_no_end() -> None:
    scan = Scan(4, confirms_end=True)
    for _ in range(2):
        scan.accept(serve([1, 2, 3, 4, 5, 6], *scan.next_skips(), 4))
    assert scan.next_skips() == [5]
    scan.accept(serve([1, 2, 3, 4, 5], 5, 4))
    assert not scan.is_over
    read_all(scan, [1, 2, 3, 4, 5])
    assert (scan.verdict, scan.repairs) == (Verdict.COMPLETE, 2)


def test_a_scan_without_a_proof_reads_over_a_cut_page_up_to_an_empty_one() -> None:
    scan = Scan(4, confirms_end=True)
    scan.accept(Page.of_ids(skip=0, take=4, ids=[1, None, 3]))
    assert read_capped(scan, list(range(1, 9)), 3) == [3, 6, 8]
    assert (scan.verdict, scan.problem) == (Verdict.UNPROVEN, "unreadable_id")


# Repeated reads


def read_once(reads: RepeatedReads, ids: list[int], take: int) -> int:
    """Read a list that does not change until one read has ended; return the number of pages."""
    before, pages = reads.reads, 0
    while (skip := reads.next_skip) is not None and reads.reads == before:
        reads.accept(ids[skip : skip + take])
        pages += 1
    return pages


@pytest.mark.parametrize(("rows", "pages"), [(0, 1), (3, 2), (4, 2), (9, 4)])
def test_a_list_that_does_not_change_is_proven_in_two_reads_in_any_order(rows: int, pages: int) -> None:
    reads, ids = RepeatedReads(), list(range(rows, 0, -1))
    assert read_once(reads, ids, 4) == pages
    assert not reads.is_proven
    assert read_once(reads, ids, 4) == pages
    assert (reads.is_proven, reads.next_skip) == (True, None)


def test_only_two_reads_in_a_row_can_agree() -> None:
    reads, before, after = RepeatedReads(), [5, 4, 3], [5, 3]
    for ids in (before, after, before):
        read_once(reads, ids, 4)
    assert (reads.is_proven, reads.next_skip) == (False, 0)
    read_once(reads, before, 4)
    assert (reads.is_proven, reads.reads) == (True, MAX_REPEATED_READS)


def test_a_read_with_a_repeated_id_does_not_agree_with_any_other() -> None:
    reads = RepeatedReads()
    for _ in range(MAX_REPEATED_READS):
        reads.accept([5, 4, 3, 2])
        reads.accept([2, 1])
        reads.accept([])
    assert (reads.is_proven, reads.next_skip) == (False, None)


def test_a_page_with_new_ids_beside_a_repeated_one_does_not_end_a_read() -> None:
    reads = RepeatedReads()
    reads.accept([9, 8, 7, 6])
    reads.accept([6, 5, 4, 3])
    assert (reads.reads, reads.next_skip) == (0, 8)


def test_a_record_with_an_invalid_id_ends_the_repeated_reads_at_once() -> None:
    reads = RepeatedReads()
    reads.accept([5, None])
    assert (reads.is_proven, reads.next_skip) == (False, None)


def test_a_server_that_repeats_its_first_page_is_sent_two_requests_per_read() -> None:
    reads, pages = RepeatedReads(), 0
    while reads.next_skip is not None:
        reads.accept([4, 3, 2, 1])
        pages += 1
    assert (reads.is_proven, pages) == (False, 2 * MAX_REPEATED_READS)


def test_the_repeated_reads_of_a_server_that_never_ends_are_bounded() -> None:
    reads, pages = RepeatedReads(max_pages=50), 0
    while (skip := reads.next_skip) is not None:
        reads.accept([-skip, -skip - 1])
        pages += 1
    assert (reads.is_proven, pages) == (False, 50)
