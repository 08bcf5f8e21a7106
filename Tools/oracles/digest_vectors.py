"""Writes the SHA-256 digests of messages of 0 to 200 bytes, one on a line, as the tests of the hash read them.

    python Tools/oracles/digest_vectors.py Tests/UnrollBaseTests/Oracles

Byte i of a message is 7i + 3 modulo 256. The lengths cross the borders of the first three blocks.
"""

import hashlib
import pathlib
import sys

message = bytes((7 * i + 3) % 256 for i in range(200))
digests = [hashlib.sha256(message[:length]).hexdigest() for length in range(201)]
(pathlib.Path(sys.argv[1]) / "sha256.txt").write_text("\n".join(digests) + "\n")
