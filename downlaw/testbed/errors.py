"""What goes wrong with a testbed, said for people."""


class TestbedError(Exception):
    """An archive that cannot be fetched or is not the testbed, with the member or key at fault."""

    __test__ = False  # the name is no test class
