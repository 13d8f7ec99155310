"""What the generator is calibrated on: a loopback server that only answers, and two visitors that only ask.

`python -m holdfast.load.stub` prints its port. The visitors are scenario files like any other.
"""
