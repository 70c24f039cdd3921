"""A picture on the clipboard; Tk itself puts only text there."""

from __future__ import annotations

import io

from PIL import Image


def put(png: bytes) -> None:
    """Puts a PNG on the clipboard, where it stays while this process lives or a clipboard manager takes it over.

    Raises:
        OSError: there is no clipboard, or it does not take the picture.
    """
    import copykitten  # it opens the clipboard when it is imported

    with Image.open(io.BytesIO(png)) as picture:
        pixels = picture.convert("RGBA")
    try:
        copykitten.copy_image(pixels.tobytes(), pixels.width, pixels.height)
    except copykitten.CopykittenError as error:
        raise OSError(str(error)) from None
