package dev.kaap.interop;

import com.aliyun.kms20160120.Client;
import com.aliyun.kms20160120.models.CreateKeyRequest;
import com.aliyun.kms20160120.models.DecryptRequest;
import com.aliyun.kms20160120.models.DescribeKeyRequest;
import com.aliyun.kms20160120.models.EncryptRequest;
import com.aliyun.kms20160120.models.GenerateDataKeyRequest;
import com.aliyun.kms20160120.models.GetSecretValueRequest;
import com.aliyun.kms20160120.models.ListClientKeysRequest;
import com.aliyun.tea.TeaException;
import com.aliyun.teaopenapi.models.Config;
import com.google.gson.Gson;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

/** Calls KMS through com.aliyun:kms20160120 (ACS3) and prints what came back as one JSON object by name. */
public final class Kms20160120 {
  private static final String KEY_ID = System.getenv("KAAP_KEY_ID");
  private static final String PLAINTEXT =
      Base64.getEncoder().encodeToString("plain".getBytes(StandardCharsets.UTF_8));
  private static final Map<String, String> CONTEXT = Map.of("a b", "*~!()' \u4e2d");

  private Kms20160120() {}

  private static Client newClient(String secret) throws Exception {
    return new Client(
        new Config()
            .setAccessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
            .setAccessKeySecret(secret)
            .setRegionId("local")
            .setEndpoint(System.getenv("KAAP_ENDPOINT").replace("https://", ""))
            .setCa(Files.readString(Path.of(System.getenv("KAAP_CA_FILE")))));
  }

  private static Map<String, Object> errorOf(Callable<?> call) throws Exception {
    try {
      call.call();
    } catch (TeaException error) {
      return Map.of("error", error.getCode(), "status", error.getStatusCode());
    }
    return Map.of("error", "none");
  }

  private static void keys(Client client, Map<String, Object> found) throws Exception {
    var created = client.createKey(new CreateKeyRequest().setDescription("interop (1) + *~!'")).getBody();
    found.put("CreateKey", created.getKeyMetadata().toMap());
    var request = new EncryptRequest().setKeyId(KEY_ID).setPlaintext(PLAINTEXT).setEncryptionContext(CONTEXT);
    var blob = client.encrypt(request).getBody().getCiphertextBlob();
    var open = new DecryptRequest().setCiphertextBlob(blob).setEncryptionContext(CONTEXT);
    found.put("Encrypt and Decrypt", PLAINTEXT.equals(client.decrypt(open).getBody().getPlaintext()));
    var other = new DecryptRequest().setCiphertextBlob(blob);
    found.put("Decrypt with another context", errorOf(() -> client.decrypt(other)));
    var data = client.generateDataKey(new GenerateDataKeyRequest().setKeyId(KEY_ID)).getBody();
    var again = client.decrypt(new DecryptRequest().setCiphertextBlob(data.getCiphertextBlob())).getBody();
    found.put("GenerateDataKey", data.getPlaintext().equals(again.getPlaintext()));
  }

  public static void main(String[] arguments) throws Exception {
    var client = newClient(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
    var found = new LinkedHashMap<String, Object>();
    keys(client, found);
    var get = new GetSecretValueRequest().setSecretName(System.getenv("KAAP_SECRET_NAME"));
    found.put("GetSecretValue", client.getSecretValue(get).getBody().toMap());
    var listed = client.listClientKeys(new ListClientKeysRequest().setAapName("dev")).getBody();
    found.put("ListClientKeys", listed.getClientKeys().size());
    var missing = new DescribeKeyRequest().setKeyId("00000000-0000-4000-8000-000000000000");
    found.put("DescribeKey of no key", errorOf(() -> client.describeKey(missing)));
    var wrong = newClient("wrong");
    found.put("a wrong secret", errorOf(wrong::describeRegions));
    System.out.println(new Gson().toJson(found));
    System.exit(0);
  }
}
