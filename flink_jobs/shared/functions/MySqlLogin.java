package olympicstreaming;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Properties;
import org.apache.flink.cdc.connectors.mysql.source.config.MySqlSourceConfigFactory;

/**
 * The login of a source at MySQL, whose secrets are read when a reader or an enumerator starts.
 *
 * <p>Until then the password is a reference as {@link SecretFiles} resolves it, and so are the options
 * {@code database.ssl.ca}, {@code database.ssl.cert} and {@code database.ssl.key}, whose values are PEM. With
 * {@code database.ssl.mode} they become key stores, which are all that the driver and the reader of the binlog accept.
 */
final class MySqlLogin implements Serializable {
    private static final long serialVersionUID = 1;
    private static final String SSL = "database.ssl.";

    private final String password;
    private final Properties connector;

    /** Keeps the properties of the connector without the prefix {@code debezium.}, since nothing returns them later. */
    MySqlLogin(String password, Properties connector) {
        this.password = password;
        this.connector = connector;
    }

    /** Reads the secrets, and sets them; to be called where the connections are opened. */
    void apply(MySqlSourceConfigFactory factory) {
        factory.password(SecretFiles.resolve(password));
        if (connector.getProperty(SSL + "mode") == null) {
            return;
        }
        Properties driver = new Properties();
        driver.putAll(factory.createConfig(0).getJdbcProperties());
        Properties changed = new Properties();
        changed.putAll(connector);
        secure(driver, changed);
        factory.jdbcProperties(driver);
        factory.debeziumProperties(changed);
    }

    /** Returns the properties for a connection of the driver itself, with the secrets; to be called where it is opened. */
    Properties driver() {
        Properties driver = new Properties();
        driver.setProperty("password", SecretFiles.resolve(password));
        if (connector.getProperty(SSL + "mode") != null) {
            secure(driver, new Properties());
        }
        return driver;
    }

    private void secure(Properties driver, Properties changed) {
        driver.setProperty("sslMode", connector.getProperty(SSL + "mode").toUpperCase(Locale.ROOT));
        String ca = secret("ca");
        if (ca != null) {
            set(driver, changed, "trust", KeyStores.trusting(ca));
        }
        if (secret("key") != null) {
            set(driver, changed, "key", KeyStores.of(secret("cert"), secret("key")));
        }
    }

    private String secret(String name) {
        String value = connector.getProperty(SSL + name);
        return value == null ? null : SecretFiles.resolve(value);
    }

    private static void set(Properties driver, Properties connector, String kind, Path store) {
        String name = kind.equals("trust") ? "trustCertificateKeyStore" : "clientCertificateKeyStore";
        driver.setProperty(name + "Url", store.toUri().toString());
        driver.setProperty(name + "Type", KeyStores.TYPE);
        driver.setProperty(name + "Password", KeyStores.PASSWORD);
        connector.setProperty(SSL + kind + "store", store.toString());
        connector.setProperty(SSL + kind + "store.password", KeyStores.PASSWORD);
    }
}
