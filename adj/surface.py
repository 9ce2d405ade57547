"""placeholder"""
SURFACE: dict = {}
class Instead:
    __match_args__=("name",)
class Refused:
    __match_args__=("reason",)
