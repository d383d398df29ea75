import pytest

from tests.helpers.small_records import make_records
from tests.helpers.small_scenes import make_street_records


@pytest.fixture(scope="session")
def records(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="session")
def records_without_validation(tmp_path_factory):
    return make_records(tmp_path_factory.mktemp("records"), num_validation=0)


@pytest.fixture(scope="session")
def street_records(tmp_path_factory):
    return make_street_records(tmp_path_factory.mktemp("street"))
