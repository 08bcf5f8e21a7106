"""What the scripts of this folder have in common: runs of the program, and texts of which the end is held out."""
import json
import shlex
import subprocess
import sys


def events(command):
    """The lines of a command's `--json`; ends the script with its errors if it fails."""
    command = [str(part) for part in command]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{shlex.join(command)}\n{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def halves(text, folder):
    """Writes the first nine tenths of a text, and the rest of it up to 200,000 characters, to files of their own."""
    characters = text.read_bytes().decode()
    cut = len(characters) - min(len(characters) // 10, 200_000)
    files = folder / f"{text.stem}.txt", folder / f"{text.stem}-held-out.txt"
    for file, part in zip(files, (characters[:cut], characters[cut:])):
        file.write_bytes(part.encode())
    return files


def nats_of_character(model, heldOut, unroll):
    """What a model needs for a character of a text, whatever its tokens are."""
    found = events([unroll, "evaluate", model, heldOut, "--json", "--threads", "1"])[-1]
    return found["nats"] / len(heldOut.read_bytes().decode())
