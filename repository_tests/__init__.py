"""Tests of what surrounds the code: the wheel and the sdist, the release script, and the workflows of CI."""
