import java.sql.*;
import java.util.*;

/** Sends a statement through jTDS, as sqlcmd would: -Q STATEMENT. */
public class Jtds {
    public static void main(String[] words) throws Exception {
        String statement = words[Arrays.asList(words).indexOf("-Q") + 1];
        Class.forName("net.sourceforge.jtds.jdbc.Driver");
        String ssl = System.getenv("VDI_SSL") == null ? "" : ";ssl=" + System.getenv("VDI_SSL");
        String url = "jdbc:jtds:sqlserver://" + System.getenv("VDI_TDS") + "/master" + ssl;
        try (Connection connection = DriverManager.getConnection(url, "sa", "x");
                Statement one = connection.createStatement()) {
            if (System.getenv("VDI_CANCEL") != null) {
                Thread cancels = new Thread(() -> {
                    try {
                        Thread.sleep(1000);
                        one.cancel();
                    } catch (Exception error) {
                        System.out.println(error);
                    }
                });
                cancels.setDaemon(true);
                cancels.start();
            }
            one.execute(statement);
            while (one.getMoreResults() || one.getUpdateCount() != -1) {
            }
        } catch (SQLException error) {
            for (SQLException each = error; each != null; each = each.getNextException()) {
                System.out.println(each.getErrorCode() + ": " + each.getMessage());
            }
            System.exit(1);
        }
    }
}
