"""Pages and the API do not open each other: a cookie is nothing here, a token nothing there."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD
