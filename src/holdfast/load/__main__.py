"""`python -m holdfast.load`: the load child; the runner starts it."""

from holdfast.load.child import run

if __name__ == "__main__":
    run()
