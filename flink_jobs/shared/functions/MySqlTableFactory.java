package olympicstreaming;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.cdc.connectors.mysql.source.MySqlSource;
import org.apache.flink.cdc.connectors.mysql.table.MySqlTableSourceFactory;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsReadingMetadata;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;

/**
 * The connector {@code mysql-cdc} with secrets that are read where the connections are opened, as {@link MySqlLogin}
 * describes. {@link JobTables} puts it in the place of {@code mysql-cdc}.
 */
public final class MySqlTableFactory extends MySqlTableSourceFactory {
    static final String IDENTIFIER = "mysql-cdc-with-secrets";
    private static final String CONNECTOR = "debezium.";

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        Properties connector = new Properties();
        Map<String, String> options = context.getCatalogTable().getOptions();
        options.forEach((name, value) -> {
            if (name.startsWith(CONNECTOR)) {
                connector.setProperty(name.substring(CONNECTOR.length()), value);
            }
        });
        return new TableSource(
                super.createDynamicTableSource(context), new MySqlLogin(options.get("password"), connector));
    }

    private static final class TableSource implements ScanTableSource, SupportsReadingMetadata {
        private final ScanTableSource source;
        private final MySqlLogin login;

        TableSource(DynamicTableSource source, MySqlLogin login) {
            this.source = (ScanTableSource) source;
            this.login = login;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return source.getChangelogMode();
        }

        @Override
        @SuppressWarnings("unchecked") // the connector's source has this type
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            ScanRuntimeProvider provider = source.getScanRuntimeProvider(context);
            if (!(provider instanceof SourceProvider)) {
                throw new ValidationException(
                        "scan.incremental.snapshot.enabled is false, and must be true. Remove it from the table.");
            }
            Source<RowData, ?, ?> found = ((SourceProvider) provider).createSource();
            return SourceProvider.of(new MySqlSourceWithSecrets<>((MySqlSource<RowData>) found, login));
        }

        @Override
        public Map<String, DataType> listReadableMetadata() {
            return ((SupportsReadingMetadata) source).listReadableMetadata();
        }

        @Override
        public void applyReadableMetadata(List<String> keys, DataType producedType) {
            ((SupportsReadingMetadata) source).applyReadableMetadata(keys, producedType);
        }

        @Override
        public DynamicTableSource copy() {
            return new TableSource(source.copy(), login);
        }

        @Override
        public String asSummaryString() {
            return source.asSummaryString();
        }
    }
}
