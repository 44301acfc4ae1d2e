// Sends a statement through a driver for Node, as sqlcmd would: -Q STATEMENT.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.VDI_DRIVERS}/`);
const [host, port] = process.env.VDI_TDS.split(":");
const statement = process.argv[process.argv.indexOf("-Q") + 1];
const cancels = process.env.VDI_CANCEL !== undefined;

function ends(error) {
  if (error) console.log(error.message || String(error), ...(error.errors ?? []).map(String));
  process.exit(error ? 1 : 0);
}

const ways = {
  tedious() {
    const { Connection, Request } = require("tedious");
    const connection = new Connection({
      server: host,
      authentication: { type: "default", options: { userName: "sa", password: "x" } },
      options: { port: Number(port), trustServerCertificate: true, requestTimeout: 0 },
    });
    connection.on("infoMessage", (told) => console.log(told.message));
    connection.connect((error) => {
      if (error) ends(error);
      const request = new Request(statement, ends);
      if (process.env.VDI_CALL) connection.execSql(request);
      else connection.execSqlBatch(request);
      if (cancels) setTimeout(() => connection.cancel(), 1000);
    });
  },
  async mssql() {
    const sql = require("mssql");
    try {
      const pool = await sql.connect({
        server: host,
        port: Number(port),
        user: "sa",
        password: "x",
        requestTimeout: 0,
        options: { trustServerCertificate: true },
      });
      const request = pool.request();
      if (cancels) setTimeout(() => request.cancel(), 1000);
      await request.query(statement);
      ends();
    } catch (error) {
      ends(error);
    }
  },
};
ways[process.env.VDI_DRIVER]();
