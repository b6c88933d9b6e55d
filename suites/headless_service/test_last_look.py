"""What was right at first is looked at again at the end of the run, when the document's set has been changed.

The tests are those of the other modules. What failed at first is not looked at again.
"""

from __future__ import annotations

import pytest

from headless_conformance.core.errors import not_judged
from headless_conformance.results.verdict import FAILING
from suites.headless_service import test_apply as apply
from suites.headless_service import test_coherence as coherence
from suites.headless_service import test_describe as describe
from suites.headless_service import test_dns_test_pod as dns_test_pod
from suites.headless_service import test_headless_service as headless_service
from suites.headless_service import test_motivation as motivation
from suites.headless_service import test_network_identity as network_identity
from suites.headless_service import test_stored_objects as stored_objects
from suites.headless_service.looks import LAST, first_outcome

pytestmark = pytest.mark.xdist_group(LAST)


@pytest.fixture(autouse=True)
def _was_right(request: pytest.FixtureRequest, looked_at: None) -> None:
    first = first_outcome(request.node)
    if first in FAILING:
        not_judged(f"its outcome was {first} when it was looked at first")


@pytest.fixture
def answers() -> int:
    """It is looked at once: what is wrong now and then was to be found before."""
    return 0


test_slices_are_what_service_and_pods_demand = coherence.test_slices_are_what_service_and_pods_demand
test_dns_has_what_the_api_demands_and_nothing_else = (
    coherence.test_dns_has_what_the_api_demands_and_nothing_else
)
test_an_ordinal_that_is_not_there_has_no_fqdn = network_identity.test_an_ordinal_that_is_not_there_has_no_fqdn
test_no_answer_may_be_kept_longer_than_the_documented_delay = (
    network_identity.test_no_answer_may_be_kept_longer_than_the_documented_delay
)
test_the_ptr_record_of_the_dns_service_is_its_fqdn = (
    dns_test_pod.test_the_ptr_record_of_the_dns_service_is_its_fqdn
)
test_dns_has_what_the_ordinary_service_demands = coherence.test_dns_has_what_the_ordinary_service_demands
test_the_endpoints_object_has_exactly_the_ready_pods = (
    describe.test_the_endpoints_object_has_exactly_the_ready_pods
)
test_describe_lists_exactly_the_three_ready_pods = describe.test_describe_lists_exactly_the_three_ready_pods
test_the_stored_service_is_that_of_the_manifest = (
    stored_objects.test_the_stored_service_is_that_of_the_manifest
)
test_the_stored_statefulset_is_that_of_the_manifest = (
    stored_objects.test_the_stored_statefulset_is_that_of_the_manifest
)
test_a_second_apply_changes_nothing = apply.test_a_second_apply_changes_nothing
test_kube_proxy_has_no_rule_for_the_service = headless_service.test_kube_proxy_has_no_rule_for_the_service
test_the_hosts_file_and_the_pod_fqdn_agree = coherence.test_the_hosts_file_and_the_pod_fqdn_agree
test_each_pod_reaches_every_pod_by_name = network_identity.test_each_pod_reaches_every_pod_by_name
test_a_row_is_in_the_one_database_that_it_was_written_to = (
    motivation.test_a_row_is_in_the_one_database_that_it_was_written_to
)
test_no_server_replicates = motivation.test_no_server_replicates
