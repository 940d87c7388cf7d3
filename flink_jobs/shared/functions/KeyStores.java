package olympicstreaming;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Key stores made of PEM, in temporary files that only the user of the process can read.
 *
 * <p>The driver of MySQL reads no PEM. Its key stores need a password, which protects nothing here: who can read the
 * file can read this constant, too.
 */
final class KeyStores {
    static final String TYPE = "JKS";
    static final String PASSWORD = "olympic-streaming";

    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");
    /** By content, so that a job that restarts often does not fill the disk. */
    private static final Map<String, Path> FILES = new ConcurrentHashMap<>();

    private KeyStores() {}

    /** Returns a store of trusted certificates. */
    static Path trusting(String certificates) {
        return FILES.computeIfAbsent(certificates, pem -> {
            try {
                KeyStore store = empty();
                int number = 0;
                for (Certificate certificate : certificates(pem)) {
                    store.setCertificateEntry("ca-" + number++, certificate);
                }
                return written(store);
            } catch (GeneralSecurityException | IOException error) {
                throw new IllegalStateException("database.ssl.ca is not PEM with certificates. Fix it.", error);
            }
        });
    }

    /** Returns a store with a private key and its certificates. */
    static Path of(String certificates, String privateKey) {
        return FILES.computeIfAbsent(certificates + "\n" + privateKey, pem -> {
            Matcher text = KEY.matcher(privateKey);
            if (!text.find()) {
                throw new IllegalStateException("database.ssl.key is not a PKCS #8 key in PEM without a password. "
                        + "Convert it with `openssl pkcs8 -topk8 -nocrypt`.");
            }
            try {
                Certificate[] chain = certificates(certificates);
                byte[] encoded = Base64.getMimeDecoder().decode(text.group(1));
                Key key = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm())
                        .generatePrivate(new PKCS8EncodedKeySpec(encoded));
                KeyStore store = empty();
                store.setKeyEntry("client", key, PASSWORD.toCharArray(), chain);
                return written(store);
            } catch (GeneralSecurityException | IOException error) {
                throw new IllegalStateException("database.ssl.cert and database.ssl.key do not fit. Fix them.", error);
            }
        });
    }

    private static Certificate[] certificates(String pem) throws GeneralSecurityException {
        byte[] bytes = pem.getBytes(StandardCharsets.UTF_8);
        return CertificateFactory.getInstance("X.509")
                .generateCertificates(new ByteArrayInputStream(bytes))
                .toArray(new Certificate[0]);
    }

    private static KeyStore empty() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(TYPE);
        store.load(null, null);
        return store;
    }

    private static Path written(KeyStore store) throws GeneralSecurityException, IOException {
        Path file = Files.createTempFile("olympic-streaming-", ".jks");
        file.toFile().deleteOnExit();
        try (OutputStream stream = Files.newOutputStream(file)) {
            store.store(stream, PASSWORD.toCharArray());
        }
        return file;
    }
}
