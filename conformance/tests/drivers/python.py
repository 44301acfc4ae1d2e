"""Sends a statement through a driver for Python, as sqlcmd would: -Q STATEMENT."""
import os
import sys
import threading

driver = os.environ["VDI_DRIVER"]
host, port = os.environ["VDI_TDS"].rsplit(":", 1)
statement = sys.argv[sys.argv.index("-Q") + 1]
commits = os.environ.get("VDI_TRANSACTION") != "default"
cancels = "VDI_CANCEL" in os.environ


def pymssql():
    import pymssql

    connection = pymssql.connect(
        server=host, port=port, user="sa", password="x", timeout=1 if cancels else 0,
        **({"autocommit": True} if commits else {}),
    )
    connection.cursor().execute(statement)


def pytds():
    import pytds

    connection = pytds.connect(
        dsn=host, port=int(port), user="sa", password="x", timeout=1 if cancels else None,
        **({"autocommit": True} if commits else {}),
    )
    connection.cursor().execute(statement)


def pyodbc():
    import pyodbc

    # By the file, so that nothing need be registered.
    files = [
        os.path.join(folder, "libtdsodbc.so")
        for folder in ("/usr/lib/x86_64-linux-gnu/odbc", "/usr/lib/aarch64-linux-gnu/odbc")
    ]
    file = next(filter(os.path.exists, files))
    connection = pyodbc.connect(
        f"DRIVER={file};SERVER={host};PORT={port};UID=sa;PWD=x;TDS_Version=7.4",
        **({"autocommit": True} if commits else {}),
    )
    cursor = connection.cursor()
    if cancels:
        threading.Timer(1, cursor.cancel).start()
    cursor.execute(statement)
    # The messages may be results, too: who does not read them is done at the first.
    while "VDI_IMPATIENT" not in os.environ and cursor.nextset():
        pass


try:
    {"pymssql": pymssql, "pytds": pytds, "pyodbc": pyodbc}[driver]()
except Exception as error:
    print(f"{type(error).__name__}: {error}")
    sys.exit(1)
