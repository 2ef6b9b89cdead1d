"""A mail server that keeps what it is sent: one file a letter, in the folder it is told; its port on the first line."""

import asyncio
import sys
import uuid
from pathlib import Path

from aiosmtpd.smtp import SMTP


class Keeper:
    def __init__(self, folder):
        self.folder = Path(folder)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.example"):
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        draft = self.folder / f"{uuid.uuid4()}.draft"
        draft.write_bytes(envelope.content)
        draft.rename(draft.with_suffix(".eml"))
        return "250 kept"


async def serve(folder, port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(folder), enable_SMTPUTF8=True), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
